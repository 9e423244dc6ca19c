"""`iamops watch`."""
