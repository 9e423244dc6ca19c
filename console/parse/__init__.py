"""Floor 1: text and bytes into values. Pure; no clock, file or socket."""
