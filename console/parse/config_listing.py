"""What find(1) tells of directories: what lies there, and when it was last changed. Pure."""

from __future__ import annotations

from console.model.config import Listing
from console.parse.numbers import real, whole

# More than anybody has; a listing that is cut off lists nothing whole.
AT_MOST = 4000


def config_listing(raw: bytes, depth: int) -> Listing:
    """Records of `kind depth ctime mtime path`, each ended by a NUL. Directories at `depth` were not entered.

    The later of both times counts: `mv`, `cp -p` and `rsync -t` set the time of writing back, nobody sets ctime.
    """
    files, directories, links = dict[str, float](), dict[str, float](), dict[str, float]()
    listed = set[str]()
    records = raw.decode("utf-8", "surrogateescape").split("\0")
    for record in records:
        match record.split(" ", 4):
            case [kind, level, ctime, mtime, path]:
                times, below = (real(ctime), real(mtime)), whole(level)
                if None in times or below is None:
                    continue
                at = max(each for each in times if each is not None)
                {"f": files, "l": links}.get(kind, directories)[path] = at
                if kind == "d" and below < depth:
                    listed.add(path)
            case _:
                continue
    return Listing(files, directories, links, frozenset(listed if len(records) <= AT_MOST else ()))
