"""Documents that leave the program, for people and for pipelines. Pure."""
