"""Text and bytes into values. Pure; no clock, file or socket."""
