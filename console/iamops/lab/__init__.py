"""Builds and breaks the two-node lab. Uses model and render only."""
