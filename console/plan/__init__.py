"""Floor 2: an action and the observed state give a plan. Pure."""
