"""What find(1) tells of directories: what lies there, and when it was last changed. Pure."""

from __future__ import annotations

from math import isfinite

from console.model.config import Listing

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
                at = max(float(ctime), float(mtime))
                if not isfinite(at):
                    raise ValueError(f"no time: {ctime} {mtime}")
                {"f": files, "l": links}.get(kind, directories)[path] = at
                if kind == "d" and int(level) < depth:
                    listed.add(path)
            case _:
                continue
    return Listing(files, directories, links, frozenset(listed if len(records) <= AT_MOST else ()))
