"""Configuration files in directories of the operator's machine; and those of the nodes, watched for changes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path

from iamops.model.config import NGINX_CONF, ConfFile, ConfTree
from iamops.model.events import ConfigCompared, Event
from iamops.model.facts import ConfigReport
from iamops.model.profile import Profile
from iamops.nodes.config import ConfigUnreadable, read_tree
from iamops.nodes.transport import CommandFailed, Transport, TransportError
from iamops.plan.config.change import node_change
from iamops.redact.clean import fault_of_ours
from iamops.render.files import NodeFile
from iamops.render.templating import RenderError
from iamops.session.config.configurator import rendered
from iamops.session.private_files import private_directory
from iamops.session.profiles import SecretMissing

READ = ("etc/nginx", "etc/keepalived", "etc/sudoers.d", "etc/logrotate.d")
MAX_FILE = 1024 * 1024
CONFIGURATION = (".conf", ".sh")


class DirectoryUnreadable(Exception):
    """There is nothing to read; says what is expected."""


def write_tree(root: Path, files: Iterable[NodeFile]) -> None:
    """Writes the files below `root`, with their modes. Raises OSError."""
    for file in files:
        path = root / file.path.lstrip("/")
        private_directory(path.parent)
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(file.content, encoding="utf-8")
        path.chmod(file.mode)


def read_directory(root: Path) -> ConfTree:
    """A node's files below root/etc; or keepalived's and nginx's files right in `root`, as they are often kept.

    Raises DirectoryUnreadable.
    """
    if not root.is_dir():
        why = "not a directory: name one with a node's files below etc/" if root.exists() else "no such directory"
        raise DirectoryUnreadable(f"{root}: {why}")
    files = dict(_below_etc(root) if (root / "etc").is_dir() else _loose(root))
    if not files:
        raise DirectoryUnreadable(f"{root}: no configuration files; expected etc/nginx and etc/keepalived in it")
    return ConfTree(root.name, files)


def _below_etc(root: Path) -> Iterable[tuple[str, ConfFile]]:
    for directory in READ:
        for path in sorted((root / directory).rglob("*")):
            if _is_to_be_read(path):
                name = f"/{path.relative_to(root)}"
                yield name, _read(path, name)


def _loose(root: Path) -> Iterable[tuple[str, ConfFile]]:
    """keepalived.conf and scripts belong to keepalived, nginx.conf to nginx, any other .conf to its conf.d."""
    for path in sorted(root.iterdir()):
        if not _is_to_be_read(path):
            continue
        if path.name == "nginx.conf":
            name = NGINX_CONF
        elif path.name.startswith("keepalived") or path.suffix == ".sh":
            name = f"/etc/keepalived/{path.name}"
        elif path.suffix == ".conf":
            name = f"/etc/nginx/conf.d/{path.name}"
        else:
            continue
        yield name, _read(path, name)


def _is_to_be_read(path: Path) -> bool:
    """What is no configuration (a map of addresses, a package's index) may be of any size and kind.

    Raises DirectoryUnreadable: a configuration that is left out would be reported as absent.
    """
    if not path.exists() or path.is_dir():
        return False
    regular = path.is_file()
    if regular and path.stat().st_size <= MAX_FILE:
        return True
    if path.suffix in CONFIGURATION:
        why = f"more than {MAX_FILE // 1024} KiB" if regular else "not a regular file"
        raise DirectoryUnreadable(f"{path}: {why}; move it away, or lint a directory without it")
    return False


def _read(path: Path, name: str) -> ConfFile:
    # As it is: what reads text makes one line end of all.
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    return ConfFile(name, text, path.stat().st_mode & 0o7777, changed_at=path.stat().st_mtime)


# Changes of a node's files: a cheap look every few seconds, a comparison when it differs.

LOOK_EVERY_S = 5.0
# What the login user may not even list (sudoers, on some systems) is only seen by this.
COMPARE_EVERY_S = 60.0
LOOK_TIMEOUT_S = 5.0


class ConfigWatch:
    """Compares every node's files with the profile as long as `run` runs; reports by events."""

    def __init__(
        self,
        profile: Profile,
        transport: Callable[[str], Transport | None],
        emit: Callable[[Event], None],
        now: Callable[[], float],
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._profile, self._transport, self._emit, self._now = profile, transport, emit, now
        self._beat = beat
        self._wanted: dict[str, tuple[NodeFile, ...]] = {}

    async def run(self) -> None:
        """Until cancelled. A profile that cannot be rendered is reported once, for every node."""
        try:
            self._wanted = dict(await asyncio.to_thread(rendered, self._profile))
        except (RenderError, SecretMissing, OSError) as error:
            for node in self._profile.nodes:
                self._emit(ConfigCompared(self._now(), node, None, f"cannot be rendered: {error}"))
            return
        async with asyncio.TaskGroup() as group:
            for node in self._profile.nodes:
                group.create_task(self._watch(node))

    async def _watch(self, node: str) -> None:
        stamp, compared_at = "", float("-inf")
        while True:
            transport = self._transport(node)
            if transport is not None:
                with contextlib.suppress(TransportError):
                    seen = await self._stamp(transport)
                    overdue = self._now() - compared_at > COMPARE_EVERY_S
                    if seen and (seen != stamp or overdue):
                        await self._compare(transport)
                        stamp, compared_at = seen, self._now()
            self._beat()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _stamp(self, transport: Transport) -> str:
        """The files' names, times and rights; an empty text where nobody can look."""
        paths = [file.path for file in self._wanted[transport.node]]
        directories = sorted({path.rpartition("/")[0] for path in paths})
        with contextlib.suppress(CommandFailed):
            argv = ("stat", "--format=%n %Z %Y %s %a", "--", *directories, *paths)
            return (await transport.run(argv, timeout_s=LOOK_TIMEOUT_S)).text
        return ""

    async def _compare(self, transport: Transport) -> None:
        report, reason = None, ""
        try:
            tree = await read_tree(transport, self._profile)
            changes = node_change(tree, self._wanted[transport.node]).files
            report = ConfigReport(tuple(change.path for change in changes))
        except ConfigUnreadable as error:
            reason = str(error)
        except TransportError:
            raise
        except Exception as error:
            reason = fault_of_ours(error)
        self._emit(ConfigCompared(self._now(), transport.node, report, reason))
