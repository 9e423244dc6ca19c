"""What a listing of a log's files tells beside the files: whether lines may be missing from them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from console.parse.log_files import LogFile, newest_first

# Its time in a listing is the node's time of now. A file that was changed so lately is being written.
CLOCK = "/proc/self"
WARM_S = 30


@dataclass(frozen=True, slots=True)
class Around:
    """`quiet_s`: how long ago the newest of the files with any text was written; infinite if none has.

    `absent`: the log is not there, and no file that was rotated away is being written in its stead.
    `unlisted`: its directory may not be listed. `full`: its file system is.
    """

    quiet_s: float = 0.0
    absent: bool = False
    unlisted: bool = False
    full: bool = False


def around(answer: list[bytes], found: tuple[LogFile, ...], log: str) -> Around:
    """Of what the reader's shell answers to `list`: files, and a line that begins with `!` for each trouble."""
    now = next((file.changed for file in found if file.name == CLOCK), 0)
    own = newest_first(found, log)
    quiet_s = now - max((float(file.changed) for file in own if file.size), default=float("-inf"))
    warm = any(not file.packed and now - file.changed <= WARM_S for file in own)
    there = any(file.name == log for file in own)
    return Around(quiet_s, not there and not warm, b"! list" in answer, b"! full" in answer)


def not_written(log: str, quiet_s: float) -> str:
    """Why a log tells nothing though nginx answers."""
    last = f"was last written {quiet_s / 60:.0f} min ago" if quiet_s < float("inf") else "is empty"
    return (
        f"{log} {last}, though nginx answers: it writes elsewhere (a file that was deleted or rotated away: "
        "nginx -s reopen), or not these requests"
    )
