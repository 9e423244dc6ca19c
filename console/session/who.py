"""Who is at the keyboard, as locks, the audit and the nodes' manifests name them."""

from __future__ import annotations

import getpass
import os
import socket


def who() -> str:
    """user@host; the one before sudo, where sudo says so."""
    return f"{os.environ.get('SUDO_USER') or getpass.getuser()}@{socket.gethostname()}"
