"""The evidence and the verdict of a drill. Pure."""
