"""keepalived.conf with what it includes, read from texts."""

from __future__ import annotations

from iamops.parse.keepalived.conf import HOME, keepalived_conf

MAIN = f"{HOME}/keepalived.conf"


def read(text: str, **files: str):
    return keepalived_conf(
        {MAIN: text, **{f"{HOME}/{name.replace('_', '.')}": each for name, each in files.items()}}
    )
