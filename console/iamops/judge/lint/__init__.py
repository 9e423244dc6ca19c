"""Lint: configuration trees -> findings with file, line and fix. Pure."""
