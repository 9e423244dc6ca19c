"""What daemons complain of in their journals and logs: a table for each daemon. Pure."""
