"""The configuration of a cluster: what the profile asks for, what the nodes have, and the push between them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from iamops.accesslog.format import FormatError, LogField, named_format
from iamops.judge.config import ConfigComparison, compared_files, sorted_files
from iamops.judge.disk.sources import DaemonSources, is_pattern, joined, outside
from iamops.judge.lint.finding import LintReport
from iamops.judge.lint.lint import lint
from iamops.model.config import KEEPALIVED_CONF, ConfFile, ConfTree, DaemonCheck
from iamops.model.profile import Profile, Service, endpoint
from iamops.nodes.config import (
    DIRECTORIES,
    ConfigUnreadable,
    daemon_checks,
    read_backup,
    read_listing,
    read_named,
    read_pushes,
    read_tree,
)
from iamops.nodes.transport import CommandFailed, Transport, TransportError
from iamops.parse.config_files import PushRecord
from iamops.parse.keepalived.conf import keepalived_conf
from iamops.plan.action import ConfigPush, Drain, DrainedRestart
from iamops.plan.config.change import NodeFilesChange, node_change
from iamops.plan.config.meaning import change_summary, incompatible
from iamops.render.nodefiles import NodeFile, render_node
from iamops.render.templating import RenderError, template_names
from iamops.session.profiles import SecretMissing, vrrp_secrets
from iamops.session.user_files import InOthersHands, check_hands, current_user, own_text

T = TypeVar("T")
# What is included may include more.
ROUNDS = 3


async def with_included(transport: Transport, conf: ConfTree) -> ConfTree:
    """With what keepalived's files include beside the managed ones, as far as the login user may read it. Where
    everything is at hand nothing more is asked; what cannot be read stays unread.
    """
    with contextlib.suppress(ConfigUnreadable, TransportError):
        for _ in range(ROUNDS):
            parsed = keepalived_conf({path: file.content for path, file in conf.files.items()})
            if not DaemonSources.of(conf, KEEPALIVED_CONF, parsed).unavailable:
                break
            elsewhere = outside(conf, (parsed,)) if conf.listing.listed else DIRECTORIES
            if elsewhere:
                conf = replace(conf, listing=joined(conf.listing, await read_listing(transport, elsewhere)))
            unread = DaemonSources.of(conf, KEEPALIVED_CONF, parsed).unavailable
            named = [path for path in unread if not is_pattern(path)]
            if not named:
                break
            conf = replace(conf, files={**(await read_named(transport, named)).files, **conf.files})
    return conf


def own_templates(profile: Profile) -> Mapping[str, str]:
    """The templates that the operator has put in the place of built-in ones, by file name.

    Raises RenderError for one that takes no built-in one's place, or that somebody else could change; OSError.
    """
    if profile.templates is None:
        return {}
    directory = Path(profile.templates).expanduser()
    if not directory.is_dir():
        raise RenderError(f"{directory}: no such directory (the profile's templates)")
    found: dict[str, str] = {}
    try:
        check_hands(directory)
        for path in sorted(directory.glob("*.j2")):
            if path.exists() and not path.is_file():
                raise RenderError(f"{path}: not a regular file (the profile's templates)")
            try:
                found[path.name] = own_text(path)
            except UnicodeDecodeError as error:
                raise RenderError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except InOthersHands as error:
        raise RenderError(f"{error} (the profile's templates)") from None
    for name in found:
        if name not in template_names():
            raise RenderError(f"{directory / name}: no such template; there are {', '.join(template_names())}")
    return found


def rendered(profile: Profile) -> Mapping[str, tuple[NodeFile, ...]]:
    """Every node's files. Raises SecretMissing, RenderError, OSError."""
    passwords, own = vrrp_secrets(profile), own_templates(profile)
    return {node: render_node(profile, node, passwords, own) for node in profile.nodes}


class NoSuchPush(Exception):
    """No node remembers a push of that name, or any push that was kept."""


class CannotDrain(Exception):
    """The backend cannot be drained as things are; says why, and what would help."""


class Configurator:
    """Reads and compares; only the engine changes anything. `transport` gives a node's connection or None, and
    `why_not` why there is none.
    """

    def __init__(
        self,
        profile: Profile,
        transport: Callable[[str], Transport | None],
        why_not: Callable[[str], str] = lambda node: f"{node} is not connected",
    ) -> None:
        self.profile = profile
        self._transport = transport
        self._why_not = why_not

    async def live(self) -> Mapping[str, ConfTree]:
        """What every node has. Raises ConfigUnreadable for the first that cannot be read."""
        trees = await asyncio.gather(*(self._live(node) for node in self.profile.nodes))
        return {tree.name: tree for tree in trees}

    async def compared(self) -> Mapping[str, tuple[ConfTree, NodeFilesChange]]:
        """Every node's files beside what the profile asks for: the tree carries both."""
        wanted, live = rendered(self.profile), await self.live()
        beside = {node: _with_rendered(tree, wanted[node]) for node, tree in live.items()}
        return {node: (tree, node_change(tree, wanted[node])) for node, tree in beside.items()}

    async def lint(self) -> LintReport:
        """The live pair: its files, what its daemons say of them, what the profile asks for, what runs."""
        compared = await self.compared()
        checks = await asyncio.gather(*(self._ask(node, _daemon_checks) for node in compared))
        trees = await self._with_included([tree for tree, _ in compared.values()])
        return lint(trees, self.profile, [check for of_node in checks for check in of_node])

    async def compare(self) -> ConfigComparison:
        """Everything there is to see; a node that cannot be read is reported, and hides no other."""
        try:
            wanted = rendered(self.profile)
        except (RenderError, SecretMissing, OSError) as error:
            return ConfigComparison(problem=f"the profile cannot be rendered: {error}")
        found = await asyncio.gather(*(self._live(node) for node in wanted), return_exceptions=True)
        trees, unread = dict[str, ConfTree](), dict[str, str]()
        for node, tree in zip(wanted, found, strict=True):
            if isinstance(tree, ConfTree):
                trees[node] = _with_rendered(tree, wanted[node])
            elif isinstance(tree, ConfigUnreadable):
                unread[node] = str(tree)
            else:
                raise tree
        report = lint(await self._with_included(list(trees.values())), self.profile)
        changes = {node: node_change(tree, wanted[node]) for node, tree in trees.items()}
        files = [
            file
            for node, change in changes.items()
            for file in compared_files(change, tuple(file.path for file in wanted[node]), report)
        ]
        return ConfigComparison(
            sorted_files(files), unread, report, (*change_summary(changes), *incompatible(changes))
        )

    async def push(
        self,
        *,
        reason: str = "",
        asked: tuple[str, ...] = ("config", "push"),
        profile: Profile | None = None,
        confirm_s: int | None = None,
        drains: tuple[Drain, ...] = (),
    ) -> ConfigPush:
        wanted, live = rendered(profile or self.profile), await self.live()
        changes = {node: node_change(live[node], wanted[node]) for node in live}
        return self._action(changes, asked, reason, confirm_s, drains)

    async def drained_restart(self, unit: str, *, reason: str = "") -> DrainedRestart:
        """A rolling restart of a published service's unit. Raises CannotDrain, ConfigUnreadable."""
        service = next((s for s in self.profile.services.values() if s.unit == unit and s.domain), None)
        if service is None:
            raise CannotDrain(f"{unit} is no service that nginx publishes: restart it without --drain")
        nodes = [name for name in self.profile.nodes if service.runs_on(name)]
        if not nodes:
            raise CannotDrain(
                f"{service.name} runs on no node of the profile, only at {', '.join(service.backends)}"
            )
        live, wanted = await self.live(), rendered(self.profile)
        behind = [name for name in live if node_change(live[name], wanted[name]).files]
        if behind:
            which = " and ".join(behind)
            raise CannotDrain(f"{which} differ from the profile: see `iamops config diff`, push first")
        drained, drains = {}, {}
        for name in nodes:
            files = rendered(with_drained(self.profile, service.name, name))
            drained[name] = {node: node_change(live[node], files[node]) for node in live}
            drains[name] = self.drains(service, name)
        push, meta = self._named(("restart", unit, "--rolling", "--drain"), reason, ())
        return DrainedRestart(unit, service.name, push, drained, drains, meta)

    def drains(self, service: Service, backend: str) -> tuple[Drain, ...]:
        """The backend as every nginx names it. Raises CannotDrain where the access log does not name backends."""
        form = self.profile.logs.format
        try:
            names_backend = named_format(form).has(LogField.UPSTREAM)
        except FormatError:
            names_backend = False
        if not names_backend:
            raise CannotDrain(
                f"the access log's format {form[:20]!r} does not say which backend got a request, so nobody could "
                "tell when a drain is over: set logs.format: iamops in the profile, and push"
            )
        there = self.profile.backends_of(service)[backend]
        own = endpoint("127.0.0.1", service.port)
        return tuple(Drain(node, own if node == backend else there) for node in self.profile.nodes)

    async def rollback(self, push: str | None, *, reason: str = "", confirm_s: int | None = None) -> ConfigPush:
        """The push back to what every node had before `push` (None: the last that was confirmed).

        A node that the push did not touch stays as it is. Raises NoSuchPush, ConfigUnreadable.
        """
        remembered, live = await self.pushes(), await self.live()
        confirmed = [r.push for records in remembered.values() for r in records if r.outcome == "confirmed"]
        if not push and not confirmed:
            raise NoSuchPush("no node remembers a push that was kept: there is nothing to go back to")
        chosen = push or max(confirmed)
        having = [node for node, records in remembered.items() if any(r.push == chosen for r in records)]
        if not having:
            raise NoSuchPush(f"no node remembers a push {chosen!r}: see `iamops config history`")
        changes = {node: NodeFilesChange(node) for node in live}
        for node in having:
            backup = await read_backup(self._connected(node), chosen)
            files = tuple(
                NodeFile(f.path, f.content, f.mode or 0o644, f.owner or "root", f.group or "root")
                for f in backup.files.values()
            )
            changes[node] = node_change(live[node], files, exact=True)
        return self._action(changes, ("config", "rollback", chosen), reason, confirm_s)

    async def pushes(self) -> Mapping[str, tuple[PushRecord, ...]]:
        names = tuple(self.profile.nodes)
        found = await asyncio.gather(*(self._ask(node, read_pushes) for node in names))
        return dict(zip(names, found, strict=True))

    def _action(
        self,
        changes: Mapping[str, NodeFilesChange],
        asked: tuple[str, ...],
        reason: str,
        confirm_s: int | None,
        drains: tuple[Drain, ...] = (),
    ) -> ConfigPush:
        summary = change_summary(changes)
        push, meta = self._named(asked, reason, summary)
        return ConfigPush(push, asked, changes, meta, summary, incompatible(changes), confirm_s, drains)

    def _named(self, asked: tuple[str, ...], reason: str, what: tuple[str, ...]) -> tuple[str, str]:
        push = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(3)}"
        command = " ".join(asked)
        meta = {
            "who": current_user(),
            "reason": reason,
            "command": command,
            "profile": self.profile.name,
            "what": what,
        }
        return push, json.dumps(meta, sort_keys=True)

    async def _live(self, node: str) -> ConfTree:
        return await self._ask(node, lambda transport: read_tree(transport, self.profile))

    async def _with_included(self, trees: Sequence[ConfTree]) -> Sequence[ConfTree]:
        """For lint only: what a push manages is compared as it is."""
        return await asyncio.gather(*(with_included(self._connected(tree.name), tree) for tree in trees))

    async def _ask(self, node: str, question: Callable[[Transport], Awaitable[T]]) -> T:
        """Raises ConfigUnreadable, also where there is no connection."""
        try:
            return await question(self._connected(node))
        except TransportError as failure:
            raise ConfigUnreadable(str(failure)) from None

    def _connected(self, node: str) -> Transport:
        transport = self._transport(node)
        if transport is None:
            raise ConfigUnreadable(self._why_not(node))
        return transport


def as_tree(node: str, files: tuple[NodeFile, ...]) -> ConfTree:
    return ConfTree(node, {f.path: ConfFile(f.path, f.content, f.mode, f.owner, f.group) for f in files})


def with_drained(profile: Profile, service: str, backend: str) -> Profile:
    """The profile while one backend takes no requests."""
    found = profile.services[service]
    resting = found.model_copy(update={"drained": (*found.drained, backend)})
    return profile.model_copy(update={"services": {**profile.services, service: resting}})


async def _daemon_checks(transport: Transport) -> tuple[DaemonCheck, ...]:
    try:
        return await daemon_checks(transport)
    except CommandFailed:
        return ()


def _with_rendered(tree: ConfTree, wanted: tuple[NodeFile, ...]) -> ConfTree:
    return replace(tree, rendered={file.path: file.content for file in wanted})
