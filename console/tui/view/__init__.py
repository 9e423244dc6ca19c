"""Pure views: (state, now, size) -> lines of toned text. No Textual, no clock, no I/O."""
