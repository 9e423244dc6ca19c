"""Every document that leaves the program, and every exit code. Pure."""
