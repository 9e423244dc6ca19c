"""Everything that speaks to a node. The only importer of asyncssh."""
