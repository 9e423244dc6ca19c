"""The stand-ins' log: one line per request, and a first line that says what is writing."""

from __future__ import annotations

import logging
import time

VERSION = "0.0.0-stand-in"


def open_log(path: str, name: str) -> None:
    """Sends logging to a file, in UTC."""
    logging.Formatter.converter = time.gmtime
    logging.basicConfig(
        filename=path,
        level=logging.INFO,
        format=f"%(asctime)s.%(msecs)03dZ\t%(levelname)s\t{name} (stand-in)\t%(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    logging.info("started: a stand-in of the iamops lab, not the real %s", name)
