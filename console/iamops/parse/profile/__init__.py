"""Profiles: read, checked, edited."""
