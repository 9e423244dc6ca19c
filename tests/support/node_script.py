"""A node's own script for real: as root, in a mount namespace where /etc and the like are a directory's.

Everything else is read-only there, so what it should not touch it cannot. systemd and the daemons are stand-ins.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from iamops.parse.profile.loader import parse_profile
from iamops.render.nodefiles import render_node

PROFILE = Path(__file__).parents[2] / "profiles" / "lab.yaml"
SCRIPT = "/usr/local/sbin/iamops-config"
# Where the directories of the root are seen; everything else cannot be written.
PLACES = {
    "etc": "/etc",
    "lib": "/var/lib",
    "run": "/run",
    "local": "/usr/local/sbin",
    "sbin": "/usr/sbin",
    "tmp": "/tmp",
}
STAND_INS = {
    "systemctl": 'echo "systemctl $*" >>/run/calls; case "$*" in "-q is-active "*) [ -e /run/armed ] ;; esac',
    "systemd-run": 'echo "systemd-run $*" >>/run/calls; touch /run/armed',
    "logger": ":",
    "visudo": ":",
    "ss": ":",
    "nginx": '! grep -q broken /etc/nginx/nginx.conf || { echo "a broken file" >&2; exit 1; }',
    "keepalived": ":",
}
ENTER = """
for each in {places}; do mount --bind "$1/${{each%%:*}}" "${{each#*:}}" || exit 99; done
mount -o remount,bind,ro / || exit 99
[ ! -e /run/limit ] || . /run/limit
shift
exec "$@"
"""


def works_here() -> bool:
    """Only root may."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


def script_text() -> str:
    files = render_node(parse_profile(PROFILE.read_text(), str(PROFILE)), "iam-a", {"VI_1": "sesame12"})
    return next(file.content for file in files if file.path == SCRIPT)


@dataclass(frozen=True, slots=True)
class NodeScript:
    """The script under one shell, on a root of its own."""

    root: Path
    shell: str

    @classmethod
    def made(cls, root: Path, shell: str) -> NodeScript:
        # tmp_path and what is above it may be anybody's; the bind mounts begin below.
        for place in PLACES:
            (root / place).mkdir(parents=True)
            (root / place).chmod(0o1777 if place == "tmp" else 0o755)
        for name in ("passwd", "group", "nsswitch.conf", "ld.so.cache"):
            if Path("/etc", name).exists():
                shutil.copy(Path("/etc", name), root / "etc" / name)
        if Path("/etc/alternatives").exists():  # awk is a link into it
            shutil.copytree("/etc/alternatives", root / "etc" / "alternatives", symlinks=True)
        for directory in ("nginx/conf.d", "keepalived", "logrotate.d", "sudoers.d", "systemd/system"):
            (root / "etc" / directory).mkdir(parents=True)
            (root / "etc" / directory).chmod(0o755)
        node = cls(root, shell)
        node.write("/etc/nginx/nginx.conf", "events {}\n")
        node.write("/etc/nginx/conf.d/own.conf", "server {}\n")
        node.write("/etc/keepalived/keepalived.conf", "vrrp\n", 0o600)
        node.write("/etc/shadow", "root:the hash:1\n", 0o600)
        node.write("/etc/victim/file", "precious\n")
        node.write(SCRIPT, script_text(), 0o755)
        for name, body in STAND_INS.items():
            node.write(f"/usr/sbin/{name}", f"#!/bin/sh\n{body}\n", 0o755)
        return node

    def at(self, path: str) -> Path:
        """Where a path of the node really is."""
        for place, seen in sorted(PLACES.items(), key=lambda each: -len(each[1])):
            if path.startswith(f"{seen}/"):
                return self.root / place / path[len(seen) + 1 :]
        raise ValueError(path)

    def write(self, path: str, text: str, mode: int = 0o644) -> Path:
        target = self.at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)
        return target

    def command(self, *words: str) -> list[str]:
        places = " ".join(f"{place}:{seen}" for place, seen in PLACES.items())
        enter = ENTER.format(places=places)
        start = ["unshare", "--mount", "--propagation", "private", "sh", "-c", enter, "sh", str(self.root)]
        return [*start, self.shell, SCRIPT, *words]

    def run(self, *words: str, stdin: bytes = b"", timeout_s: float = 60.0) -> subprocess.CompletedProcess[bytes]:
        environment = {"PATH": "/usr/bin:/bin", "SUDO_USER": "iamops"}
        return subprocess.run(
            self.command(*words), input=stdin, capture_output=True, env=environment, timeout=timeout_s, check=False
        )

    def digest(self, path: str) -> str:
        found = self.at(path)
        return hashlib.sha256(found.read_bytes()).hexdigest() if found.exists() else "-"

    @property
    def has_staged(self) -> bool:
        return (self.root / "lib/iamops/config/staged").exists()

    def outside(self) -> Mapping[str, str]:
        """Everything but the script's own state: path -> what it is, its rights, its content."""
        found = {}
        for place in ("etc", "local", "sbin", "lib", "tmp"):
            for path in sorted((self.root / place).rglob("*")):
                if path.is_relative_to(self.root / "lib" / "iamops"):
                    continue
                about = path.lstat()
                content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
                told = [about.st_mode, about.st_uid, about.st_nlink, hashlib.sha256(content).hexdigest()]
                found[str(path.relative_to(self.root))] = json.dumps(told)
        return found


def manifest(
    node: NodeScript, puts: Mapping[str, str], *, push: str = "push-1", extra: tuple[str, ...] = ()
) -> str:
    """As the console writes it: of files to put in place, by path."""
    lines = [f"id {push}", 'meta {"who": "me"}', "rollback_s 60", "daemon nginx"]
    lines += [f"seen {node.digest(path)} {path}" for path in puts]
    lines += [f"put 644 root:root {path}" for path in puts]
    return "".join(f"{line}\n" for line in (*lines, *extra))


def archive(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    """As it is sent: a tar in base64."""
    sink = io.BytesIO()
    with tarfile.TarFile(fileobj=sink, mode="w", format=form) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return base64.encodebytes(sink.getvalue())


def regular(name: str, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o600
    return info, content


def staged(
    node: NodeScript, puts: Mapping[str, str], *, push: str = "push-1", extra: tuple[str, ...] = ()
) -> bytes:
    told = manifest(node, puts, push=push, extra=extra)
    files = [regular(f"files{path}", text.encode()) for path, text in puts.items()]
    return archive(regular("manifest", told.encode()), *files)
