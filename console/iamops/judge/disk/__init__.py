"""What the daemons would load from their files, compared with what they run. Pure."""
