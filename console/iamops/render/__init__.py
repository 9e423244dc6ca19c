"""A profile into the files a node should have. Pure; no clock, file or socket."""
