"""Floor 2: rules that turn an observed state into findings. Pure; no clock, file or socket."""
