"""Where a user's profiles, themes, ledger and watches are kept, and who the user is."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from pathlib import Path

import platformdirs

PACKAGE = Path(__file__).resolve().parent.parent


def bundled_dir(kind: str) -> Path:
    """The shipped `profiles` or `themes`: inside the wheel, or at the top of a checkout."""
    installed = PACKAGE / "_bundled" / kind
    return installed if installed.is_dir() else PACKAGE.parents[1] / kind


def user_dir(kind: str) -> Path:
    """The user's own `profiles` or `themes`. It may not exist."""
    return platformdirs.user_config_path("iamops", appauthor=False) / kind


def state_dir() -> Path:
    """Where this user's history and exports go. It may not exist."""
    return platformdirs.user_state_path("iamops", appauthor=False)


def by_name(kind: str) -> Mapping[str, Path]:
    """Every YAML file of that kind by its stem; the user's own wins over a shipped one."""
    found: dict[str, Path] = {}
    for directory in (bundled_dir(kind), user_dir(kind)):
        found.update({path.stem: path for path in sorted(directory.glob("*.yaml"))})
    return found


def audit_file() -> Path:
    """The audit ledger of this user."""
    return state_dir() / "audit.jsonl"


def watch_dir(profile: str) -> Path:
    """Where this user's watch of a cluster keeps its outbox and its silence."""
    return state_dir() / "watch" / profile


# Who is at the keyboard, as locks, the audit and the nodes' manifests name them.


def who() -> str:
    """user@host; the one before sudo, where sudo says so."""
    return f"{os.environ.get('SUDO_USER') or getpass.getuser()}@{socket.gethostname()}"
