"""The Traffic view."""
