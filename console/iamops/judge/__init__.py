"""Rules that turn observed state into findings, denials and verdicts. Pure; no clock, file or socket."""
