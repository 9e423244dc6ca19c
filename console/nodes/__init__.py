"""Floor 4: everything that speaks to a node. The only importer of asyncssh."""
