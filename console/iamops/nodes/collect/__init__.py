"""The collectors of a node, one module per kind of evidence. They only emit events."""
