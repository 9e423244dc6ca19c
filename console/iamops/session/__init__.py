"""The composition root: profile, nodes and store wired once for every front."""
