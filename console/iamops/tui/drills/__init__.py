"""The Drills view."""
