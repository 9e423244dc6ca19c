"""The base image: a small Debian with everything a node may need, built once and cached."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from iamops.lab import node
from iamops.lab.place import held
from iamops.lab.processes import ImageFailed, LabImpossible, last_lines, run
from iamops.render.nodefiles import NodeFile

FALLBACK_SUITE = "bookworm"
RECIPE_VERSION = "1"
# A first build may have to fetch two hundred packages over a slow line.
BUILD_WAIT_S = 600.0
# A build that is killed takes its children with it, and what it mounted: both are in namespaces of its
# own, and the kernel ends those with us. Without them /proc and /dev would stay mounted in the half tree.
ENDS_WITH_US = (
    *("setpriv", "--pdeathsig", "KILL", "--"),
    *("unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--"),
)
PACKAGES = (
    *("curl", "dbus", "iproute2", "iputils-ping", "keepalived", "less", "logrotate", "mariadb-server", "nftables"),
    *("nginx-light", "openssh-server", "procps", "python3", "redis-server", "sudo", "systemd", "systemd-sysv"),
)
# What a node in a closed network has no use for, and what would cost it time at boot.
MASKED = (
    *("apt-daily-upgrade.timer", "apt-daily.timer", "dpkg-db-backup.timer", "e2scrub_all.timer"),
    *("e2scrub_reap.service", "fstrim.timer", "getty@tty1.service", "console-getty.service"),
    *("systemd-logind.service", "systemd-networkd.service", "systemd-resolved.service"),
    "systemd-timesyncd.service",
)
# Small and quick: the lab's databases hold a handful of rows.
CONFIGS = {
    "etc/mysql/mariadb.conf.d/90-lab.cnf": """\
[mysqld]
bind-address = 0.0.0.0
skip-name-resolve
performance_schema = off
innodb_buffer_pool_size = 16M
innodb_log_file_size = 8M
innodb_temp_data_file_path = ibtmp1:4M:autoextend
key_buffer_size = 1M
aria_pagecache_buffer_size = 2M
""",
    # Debian checks all tables at every start; on two cores shared by a whole cluster that is felt.
    "etc/systemd/system/mariadb.service.d/lab.conf": "[Service]\nExecStartPost=\n",
    "etc/systemd/journald.conf.d/lab.conf": "[Journal]\nSystemMaxUse=64M\nSystemMaxFileSize=8M\n",
}
# Run inside the image, in order. The login user has no password and no rights of its own.
SETUP = (
    "useradd --create-home --shell /bin/bash --groups adm,systemd-journal iamops",
    "useradd --system --no-create-home --shell /usr/sbin/nologin --gid adm iam",
    "systemctl disable mariadb.service redis-server.service",
    "systemctl mask " + " ".join(MASKED),
    "rm -rf /var/lib/mysql/*",
    "mariadb-install-db --user=mysql --skip-test-db --force --auth-root-authentication-method=socket",
    "sed -i -e 's/^bind .*/bind 0.0.0.0/' -e 's/^protected-mode .*/protected-mode no/' /etc/redis/redis.conf",
    "mkdir -p /var/log/journal",
    "rm -f /etc/ssh/ssh_host_* /etc/nginx/sites-enabled/default /etc/resolv.conf /etc/hostname",
    ": > /etc/machine-id > /etc/default/locale",
)


def host_suite(os_release: str) -> str:
    """The Debian suite to build: this machine's own, if it is a Debian, so that its mirror has it."""
    fields = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    codename = fields.get("VERSION_CODENAME", "").strip('"')
    return codename if fields.get("ID", "").strip('"') == "debian" and codename else FALLBACK_SUITE


def image_name(suite: str) -> str:
    """Names the image after everything that decides its content."""
    recipe = "\n".join((RECIPE_VERSION, suite, *PACKAGES, *SETUP, *map(str, CONFIGS.items())))
    return f"{suite}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def build_command(suite: str, target: Path) -> tuple[str, ...]:
    """The mmdebstrap call. It names no mirror: mmdebstrap takes this machine's own."""
    include = f"--include={','.join(PACKAGES)}"
    return ("mmdebstrap", "--variant=minbase", "--format=directory", include, suite, str(target))


def this_suite() -> str:
    release = Path("/etc/os-release")
    return host_suite(release.read_text(encoding="utf-8")) if release.exists() else FALLBACK_SUITE


def current(cache: Path) -> Path:
    """Where the image of today's recipe is, or will be."""
    return cache / image_name(this_suite())


def ensure(cache: Path, progress: Callable[[str], None]) -> Path:
    """The image's root directory, built if it is not in the cache. Raises ImageFailed."""
    image = current(cache)
    # Several labs may share the cache, and each has a lock of its own only for itself.
    with held(cache / "lock", progress, wait_s=BUILD_WAIT_S):
        if not image.is_dir():
            progress(f"building the base image {image.name} (once; about a minute)")
            _build(image)
        # Older images go, unless a running node still has one beneath its disk.
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8")
        for other in image.parent.iterdir():
            if other.is_dir() and other != image and f"lowerdir={other}," not in mounts:
                node.delete(other)
    return image


def _build(image: Path) -> None:
    """Builds beside the cache and moves the finished tree in: a killed build leaves no half image."""
    image.parent.mkdir(parents=True, exist_ok=True)
    # The caller holds the cache's lock: every other build directory is a dead one's.
    for leftover in image.parent.glob(".building-*"):
        node.delete(leftover)
    scratch = Path(tempfile.mkdtemp(prefix=".building-", dir=image.parent))
    root = scratch / "root"
    try:
        _bootstrap(root, image.parent / "build.log")
        for path, content in CONFIGS.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(content, encoding="utf-8")
        for step in SETUP:
            run(["chroot", str(root), "/bin/sh", "-euc", step])
        os.replace(root, image)
    finally:
        node.delete(scratch)


def _bootstrap(root: Path, log: Path) -> None:
    argv = (*ENDS_WITH_US, *build_command(this_suite(), root))
    with (
        log.open("wb") as sink,
        subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink) as build,
    ):
        try:
            code = build.wait()
        except BaseException:
            build.kill()
            raise
    if code:
        raise ImageFailed(
            f"mmdebstrap ended with {code}:\n{last_lines(log.read_text(encoding='utf-8', errors='replace'))}",
            f"the whole of it is in {log}; the machine's apt sources must work (`sudo apt-get update`)",
        )


# Writes files into the root of a node that is not running, with the node's own users as owners.


@dataclass(frozen=True, slots=True)
class SymbolicLink:
    path: str
    target: str


def write(root: Path, entries: Iterable[NodeFile | SymbolicLink]) -> None:
    """Writes files and links below `root`, over what is there."""
    users, groups = (_numbers(root / "etc" / name) for name in ("passwd", "group"))
    for entry in entries:
        path = root / entry.path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if isinstance(entry, SymbolicLink):
            path.symlink_to(entry.target)
            continue
        path.write_text(entry.content, encoding="utf-8")
        if entry.owner not in users or entry.group not in groups:
            raise LabImpossible(
                f"{entry.path} should belong to {entry.owner}:{entry.group}, which the image does not know",
                "this is a fault in the lab's provisioning; please report it",
            )
        os.chown(path, users[entry.owner], groups[entry.group])
        path.chmod(entry.mode)


def _numbers(file: Path) -> dict[str, int]:
    """Name -> number, of users or of groups."""
    rows = (line.split(":") for line in file.read_text(encoding="utf-8").splitlines())
    return {row[0]: int(row[2]) for row in rows if len(row) > 2}
