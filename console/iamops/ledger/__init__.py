"""What was done, kept on this machine's disk so that nobody can change it unnoticed."""
