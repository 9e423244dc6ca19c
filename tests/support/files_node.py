"""A node whose configuration files are read as a test says."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iamops.nodes.config import LISTED, LOADED, NAMED, READABLE
from iamops.nodes.transport import CommandResult
from iamops.render.nodefiles import render_node
from tests.support.profiles import unicast_pair

DUMPS = Path(__file__).parents[1] / "fixtures" / "keepalived"

PROFILE = unicast_pair()

KEEPALIVED = "/etc/keepalived/keepalived.conf"

# The unit's load time by LOADED_SAID is 9900.
LOADED_SAID = "now 10000.0 500.0\n" + "".join(
    f"Id={unit}.service ActiveState=active MainPID=7 StateChangeTimestampMonotonic=400000000 wall= worker=\n"
    for unit in ("nginx", "keepalived")
)


@dataclass
class FilesNode:
    """A node with files, their times, and a keepalived that dumps what it runs with."""

    node: str
    files: dict[str, str]
    times: dict[str, float] = field(default_factory=dict)
    dump: str | None = None
    has_script: bool = True
    loaded: str = LOADED_SAID
    calls: list[tuple[str, ...]] = field(default_factory=list)

    @classmethod
    def rendered(cls, name: str) -> FilesNode:
        files = {each.path: each.content for each in render_node(PROFILE, name, {"VI_1": "sesame12"})}
        dump = "2.2.7-master.data" if name == "iam-a" else "2.2.7-backup.data"
        return cls(name, files, {}, (DUMPS / dump).read_text())

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        status, said = self._answer(tuple(argv))
        self.calls.append(tuple(argv))
        return CommandResult(tuple(argv), status, said, b"sudo: a password is required" if status else b"")

    def _answer(self, argv: tuple[str, ...]) -> tuple[int, bytes]:
        match argv:
            case ("sudo", "-n", "/usr/local/sbin/iamops-config", "read") if self.has_script:
                return 0, tar({path: text for path, text in self.files.items() if "sites-" not in path})
            case ("sh", "-c", script, *_) if script == READABLE:
                return 0, tar({path: text for path, text in self.files.items() if path.endswith(".conf")})
            case ("sh", "-c", script, _, *paths) if script == NAMED:
                return 0, tar({path: self.files[path] for path in paths if path in self.files})
            case ("sh", "-c", script, *_) if script == LOADED:
                return 0, self.loaded.encode()
            case ("sh", "-c", script, *_) if script == LISTED:
                return 0, self._listed()
            case ("cat", "/etc/hosts"):
                return 0, b"127.0.0.1 localhost\n"
            case ("systemctl", "is-active", _):
                return 0, b"active\n"
            case ("sh", "-c", _, "ask", *_) if self.dump is not None:
                return 0, b""
            case ("sudo", "-n", "/usr/bin/dd", *_) if self.dump is not None:
                return 0, self.dump.encode()
        return 1, b""

    def _listed(self) -> bytes:
        paths = [path for path in self.files if path.startswith(("/etc/nginx", "/etc/keepalived"))]
        parents = {str(Path(path).parent) for path in paths} | {"/etc/nginx"}
        records = [f"f 1 {self.times.get(path, 900.0)} 900 {path}" for path in paths]
        return "".join(f"{each}\0" for each in (*(f"d 1 900 900 {path}" for path in parents), *records)).encode()


def tar(files: Mapping[str, str]) -> bytes:
    raw = io.BytesIO()
    with tarfile.TarFile(fileobj=raw, mode="w") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(path.lstrip("/"))
            member.size, member.mtime = len(text.encode()), 900
            archive.addfile(member, io.BytesIO(text.encode()))
    return raw.getvalue()
