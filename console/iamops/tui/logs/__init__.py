"""The Logs view."""
