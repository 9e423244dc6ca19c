"""Everything that one examination reads beyond the live state: deep looks, logs, files, the neighbour table.

What renders and lints is loaded when it is first needed: asking the nodes must not wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from iamops.accesslog.count import Columns, CountQuery
from iamops.accesslog.format import FormatError, LogField, named_format
from iamops.accesslog.values import Resolution
from iamops.judge.lint.finding import LintReport
from iamops.model.config import ConfTree, DaemonCheck
from iamops.model.inspection import Inspection, NodeInspection, TrafficInspection
from iamops.model.observed import Known, Observed, Unknown
from iamops.model.profile import Profile
from iamops.nodes.config import ConfigUnreadable, read_tree
from iamops.nodes.inspect import NodeInspector, read_neighbours
from iamops.nodes.supervisor import run_in_thread
from iamops.nodes.transport import Clock, Transport, TransportError
from iamops.redact.clean import fault_of_ours
from iamops.render.nodefiles import NodeFile
from iamops.render.templating import RenderError
from iamops.session.profiles import SecretMissing
from iamops.session.traffic import count_traffic, nginx_answers

TRAFFIC_SPAN_S = 900.0


@dataclass(slots=True)
class InspectionResult:
    """What has been read so far: whatever is not when time is up stays unknown, with the reason.

    `with_included`: a tree with what it includes beside the managed files, for lint.
    """

    looks: dict[str, NodeInspection] = field(default_factory=dict)
    traffic: dict[str, Observed[TrafficInspection]] = field(default_factory=dict)
    trees: dict[str, Known[ConfTree]] = field(default_factory=dict)
    with_included: dict[str, ConfTree] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    neighbours: Observed[Mapping[str, str]] = Unknown("not read yet")
    rendered: Mapping[str, tuple[NodeFile, ...]] | None = None
    unrendered: str = ""

    def inspection(self) -> Inspection:
        return Inspection(dict(self.looks), self.neighbours, dict(self.traffic))

    def lint(self, profile: Profile, now: float) -> Observed[LintReport]:
        """Of those nodes that were read; the daemons' own words are those of the deep looks."""
        from iamops.judge.lint.lint import lint

        if not self.trees:
            return Unknown("no node's files could be read")
        trees: list[ConfTree] = []
        for node, read in self.trees.items():
            tree = self.with_included.get(node, read.value)
            if self.rendered is not None and node in self.rendered:
                tree = replace(tree, rendered={file.path: file.content for file in self.rendered[node]})
            trees.append(tree)
        checks: list[DaemonCheck] = []
        for look in self.looks.values():
            checks += look.checks.value if isinstance(look.checks, Known) else ()
        try:
            return Known(lint(trees, profile, checks), now)
        except Exception as error:
            return Unknown(fault_of_ours(error))

    def give_up(self, nodes: Sequence[str], reason: Callable[[str], str]) -> None:
        """Whatever is missing of these nodes is unknown from now on."""
        for node in nodes:
            why = reason(node)
            self.looks.setdefault(node, NodeInspection.blind(node, why))
            self.traffic.setdefault(node, Unknown(why))
            if node not in self.trees:
                self.unreadable.setdefault(node, why)


class InspectionReader:
    """Reads into `results`. Nothing here raises for a node."""

    def __init__(self, profile: Profile, clock: Clock) -> None:
        self._profile, self._clock = profile, clock
        self.results = InspectionResult()

    async def node(self, transport: Transport) -> None:
        tree = asyncio.ensure_future(read_tree(transport, self._profile))

        async def inspect() -> None:
            inspector = NodeInspector(transport, self._profile, self._clock, tree)
            self.results.looks[transport.node] = await inspector.take()

        try:
            await asyncio.gather(inspect(), self._files(transport, tree), self._traffic(transport))
        finally:
            tree.cancel()

    async def here(self) -> None:
        profile, clock = self._profile, self._clock

        async def neighbours() -> None:
            read = partial(read_neighbours, profile.network_namespace, clock)
            self.results.neighbours = await run_in_thread(read, "neighbours")

        await asyncio.gather(neighbours(), run_in_thread(self._render, "render"))

    async def _files(self, transport: Transport, reading: asyncio.Future[ConfTree]) -> None:
        node, results = transport.node, self.results
        try:
            tree = await asyncio.shield(reading)
        except (ConfigUnreadable, TransportError) as failure:
            results.unreadable[node] = str(failure)
        except Exception as error:
            results.unreadable[node] = fault_of_ours(error)
        else:
            from iamops.session.config.configurator import with_included

            results.trees[node] = Known(tree, self._clock())
            results.with_included[node] = await with_included(transport, tree)

    async def _traffic(self, transport: Transport) -> None:
        node = transport.node
        try:
            self.results.traffic[node] = await self._counted(transport)
        except FormatError as error:
            self.results.traffic[node] = Unknown(str(error))
        except Exception as error:
            self.results.traffic[node] = Unknown(fault_of_ours(error))

    async def _counted(self, transport: Transport) -> Observed[TrafficInspection]:
        """Raises FormatError."""
        logs = self._profile.logs
        form = named_format(logs.format)
        if form.time_format is None:
            return Unknown(form.unavailable(LogField.TIME))
        query = CountQuery(form, Columns.TIME | Columns.SHAPE, resolution=Resolution.TEN_SECONDS)
        until = self._clock()
        since = (until - TRAFFIC_SPAN_S) // 60 * 60
        made: Mapping[str, Transport | TransportError] = {transport.node: transport}
        counts = await count_traffic(logs.access, query, since, made, nginx_answers(self._profile))
        counted = counts[transport.node]
        if counted.reason:
            return Unknown(counted.reason)
        unavailable = "" if form.has(LogField.UPSTREAM) else form.unavailable(LogField.UPSTREAM)
        traffic = TrafficInspection(counted.slots, int(query.resolution), since, until, unavailable)
        return Known(traffic, self._clock())

    def _render(self) -> None:
        from iamops.session.config.configurator import rendered

        try:
            self.results.rendered = rendered(self._profile)
        except (RenderError, SecretMissing, OSError) as error:
            self.results.unrendered = f"the profile cannot be rendered: {error}"
        except Exception as error:
            self.results.unrendered = fault_of_ours(error)
