"""`iamops traffic`."""
