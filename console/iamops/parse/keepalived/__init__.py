"""keepalived's configuration and its dumps."""
