"""`iamops backend`."""
