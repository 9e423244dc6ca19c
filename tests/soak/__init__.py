"""Long campaigns on the lab: `make soak`."""
