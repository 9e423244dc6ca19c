"""`iamops status`."""
