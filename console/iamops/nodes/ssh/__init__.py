"""SSH: settings, trust, one connection per node, framed commands."""
