"""The stand-ins' log: one line per request, and a first line that says what is writing."""

from __future__ import annotations

import logging
import sys
import time

VERSION = "0.0.0-stand-in"


def open_log(path: str, name: str) -> None:
    """Sends logging to a file, in UTC."""
    logging.addLevelName(logging.CRITICAL, "FATAL")
    logging.Formatter.converter = time.gmtime
    logging.basicConfig(
        filename=path,
        level=logging.INFO,
        format=f"%(asctime)s.%(msecs)03dZ\t%(levelname)s\t{name} (stand-in)\t%(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    logging.info("started: a stand-in of the iamops lab, not the real %s", name)


def coloured(level: str, name: str, place: str, text: str) -> None:
    """A line as the real services write them, to the log and to the journal: its level is in colour."""
    number = logging.CRITICAL if level == "FATAL" else logging.ERROR
    logging.log(number, "%s", text)
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    print(f"{stamp}.000\t\x1b[31m{level}\x1b[0m\t{name}\t{place}\t{text}", file=sys.stderr, flush=True)
