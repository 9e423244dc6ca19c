"""One detector per kind of place where a secret stands."""
