"""Configuration files in directories of the operator's machine; and those of the nodes, watched for changes."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from iamops.model.config import NGINX_CONF, ConfFile, ConfTree, FileListing
from iamops.model.events import ConfigCompared, Event
from iamops.model.facts import ConfigReport
from iamops.model.profile import Profile
from iamops.nodes.config import ConfigUnreadable, read_tree
from iamops.nodes.transport import CommandFailed, Transport, TransportError
from iamops.plan.config.change import node_change
from iamops.redact.clean import fault_of_ours
from iamops.render.nodefiles import NodeFile
from iamops.render.templating import RenderError
from iamops.session.config.configurator import rendered
from iamops.session.profiles import SecretMissing
from iamops.session.user_files import private_directory

READ = ("etc/nginx", "etc/keepalived", "etc/sudoers.d", "etc/logrotate.d")
MAX_FILE = 1024 * 1024
# As many as the kernel follows.
MAX_LINKS = 40
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
    below_etc = (root / "etc").is_dir()
    # Of files that lie side by side it is not known where they belong, nor what else there is.
    whole = frozenset[str]() if below_etc else frozenset({NGINX_CONF})
    tops = [root / top for top in READ if (root / top).is_dir()] if below_etc else []
    found = [_below(root, top) for top in tops] or [((path, _led_to(root, path)) for path in root.iterdir())]
    files: dict[str, ConfFile] = {}
    dangling: dict[str, float] = {}
    for path, led in sorted(itertools.chain.from_iterable(found)):
        name = f"/{path.relative_to(root)}" if below_etc else _usual_place(path)
        if led is None and name:
            dangling[name] = path.lstat().st_mtime
        if name and led is not None and _is_to_be_read(led):
            # As it is: what reads text makes one line end of all.
            text, about = led.read_bytes().decode("utf-8", "surrogateescape"), led.stat()
            files[name] = ConfFile(name, text, about.st_mode & 0o7777, changed_at=about.st_mtime)
    if not files:
        raise DirectoryUnreadable(f"{root}: no configuration files; expected etc/nginx and etc/keepalived in it")
    return ConfTree(root.name, files, listing=FileListing(dangling), whole=whole)


def _below(
    root: Path, directory: Path, opened: frozenset[Path] = frozenset()
) -> Iterator[tuple[Path, Path | None]]:
    """Everything in it, also in directories of `root` that links lead to: where it stands, what is read for it."""
    inside = directory.resolve()
    if inside in opened or not inside.is_relative_to(root.resolve()):
        return
    for path in directory.iterdir():
        led = _led_to(root, path)
        yield path, led
        if led is not None and led.is_dir():
            below = _below(root, led, opened | {inside})
            yield from ((path / inner.relative_to(led), at) for inner, at in below)


def _led_to(root: Path, path: Path) -> Path | None:
    """What a link stands for: an absolute one leads to a file of the same node, below `root`, as on the node.
    None: to nothing that is there.
    """
    absolute = False
    for _ in range(MAX_LINKS):
        if not path.is_symlink():
            inside = not absolute or path.resolve().is_relative_to(root.resolve())
            return path if inside and path.exists() else None
        target = path.readlink()
        absolute |= target.is_absolute()
        path = root / os.path.normpath(target).lstrip("/") if target.is_absolute() else path.parent / target
    return None


def _usual_place(path: Path) -> str:
    """keepalived.conf and scripts belong to keepalived, nginx.conf to nginx, any other .conf to its conf.d."""
    if path.name == "nginx.conf":
        return NGINX_CONF
    if path.name.startswith("keepalived") or path.suffix == ".sh":
        return f"/etc/keepalived/{path.name}"
    return f"/etc/nginx/conf.d/{path.name}" if path.suffix == ".conf" else ""


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
