"""What an nginx access log is: its format, how it is filtered, counted and rotated. Pure."""
