"""Notices when somebody changes a node's files: a cheap look every few seconds, a comparison when it differs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from console.model.events import ConfigCompared, Event
from console.model.facts import ConfigReport
from console.model.profile import Profile
from console.nodes.config_files import ConfigUnreadable, read_tree
from console.nodes.transport import CommandFailed, Transport, TransportError
from console.parse.own_fault import fault_of_ours
from console.plan.config_change import node_change
from console.render.files import NodeFile
from console.render.templating import RenderError
from console.session.configurator import Configurator
from console.session.secrets import SecretMissing

LOOK_EVERY_S = 5.0
# What the login user may not even list (sudoers, on some systems) is only seen by this.
COMPARE_EVERY_S = 60.0
LOOK_TIMEOUT_S = 5.0


class ConfigWatch:
    """Compares every node's files with the profile as long as `run` runs; tells the store by events."""

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
        """Until cancelled. A profile that cannot be rendered is told once, for every node."""
        try:
            self._wanted = dict(await asyncio.to_thread(Configurator(self._profile, self._transport).rendered))
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
            with contextlib.suppress(TransportError):
                seen = await self._stamp(node)
                overdue = self._now() - compared_at > COMPARE_EVERY_S
                if seen and (seen != stamp or overdue):
                    await self._compare(node)
                    stamp, compared_at = seen, self._now()
            self._beat()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _stamp(self, node: str) -> str:
        """Names the files' times and rights; an empty text where nobody can look."""
        transport = self._transport(node)
        if transport is None:
            return ""
        paths = [file.path for file in self._wanted[node]]
        directories = sorted({path.rpartition("/")[0] for path in paths})
        with contextlib.suppress(CommandFailed):
            argv = ("stat", "--format=%n %Z %Y %s %a", "--", *directories, *paths)
            return (await transport.run(argv, timeout_s=LOOK_TIMEOUT_S)).text
        return ""

    async def _compare(self, node: str) -> None:
        transport = self._transport(node)
        if transport is None:
            return
        try:
            tree = await read_tree(transport, self._profile)
            differing = tuple(change.path for change in node_change(tree, self._wanted[node]).files)
        except ConfigUnreadable as error:
            self._emit(ConfigCompared(self._now(), node, None, str(error)))
        except TransportError:
            raise
        except Exception as error:
            self._emit(ConfigCompared(self._now(), node, None, fault_of_ours(error)))
        else:
            self._emit(ConfigCompared(self._now(), node, ConfigReport(differing)))
