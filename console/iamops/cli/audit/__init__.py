"""`iamops audit`."""
