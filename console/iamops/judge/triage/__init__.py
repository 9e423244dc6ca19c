"""Findings put in order: causes, timeline, summary. Pure."""
