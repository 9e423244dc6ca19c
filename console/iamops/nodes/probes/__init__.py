"""Questions over the network: HTTP, TLS, the gap a client sees."""
