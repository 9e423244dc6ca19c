"""What is alerted, when, and when it is over. Pure."""
