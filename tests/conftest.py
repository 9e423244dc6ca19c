"""What holds for every test."""

from __future__ import annotations

import signal

# Whoever starts a run in the background may have it ignore these, and every child would: our commands honour that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
