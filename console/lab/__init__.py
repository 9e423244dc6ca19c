"""Beside the floors: builds and breaks the two-node lab. Uses model and render only."""
