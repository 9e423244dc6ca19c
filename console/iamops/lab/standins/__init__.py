"""Stand-ins for what the lab cannot carry. They run on the nodes with nothing but Python's standard
library, speak just enough for health checks and logins, and say that they are stand-ins.
"""
