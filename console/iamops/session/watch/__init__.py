"""A watch: what it observes, and how an alert gets away."""
