"""`iamops balance`."""
