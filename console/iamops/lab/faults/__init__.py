"""Every fault the lab can have, and how it comes and goes."""
