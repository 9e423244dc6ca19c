"""Drill files."""
