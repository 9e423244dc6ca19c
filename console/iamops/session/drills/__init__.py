"""Drills: files, runner, recorder."""
