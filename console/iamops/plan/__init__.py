"""An action and the observed state give a plan. Pure."""
