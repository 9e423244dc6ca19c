"""`iamops config`."""
