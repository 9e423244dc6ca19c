"""A pair that is none: two SSH servers and a VIP on this machine's loopback, one of which may answer badly."""
