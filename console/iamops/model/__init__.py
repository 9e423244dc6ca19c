"""Frozen values of the domain and the reducer. Pure; no clock, file or socket."""
