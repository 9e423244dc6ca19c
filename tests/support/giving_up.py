"""The nginx of every node, as it gives backends up: it counts in whole seconds, in a zone or in each worker."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence

from iamops.engine.ports import CommandAnswer
from iamops.model.events import FilesExamined
from iamops.model.running import FilesReport, Upstream, UpstreamServer
from iamops.plan.addresses import backend_names
from tests.support.cluster_states import files
from tests.support.pair import Bench

SERVICE = "iam-apiserver"


class GivingUp:
    """Puts itself between a bench and its nginxes. `dark` are the moments at which some worker had nobody left.

    `tells`: the access log names backends, as `spelled`. `even` False: every request of ours has the same hash.
    """

    def __init__(
        self,
        bench: Bench,
        *,
        zone: bool = True,
        tells: bool = True,
        even: bool = True,
        backups: Sequence[str] = (),
        drained: Sequence[str] = (),
        fail_timeout_s: float = 2.0,
        spelled: Callable[[str], str] = str,
    ) -> None:
        self.bench, self.world = bench, bench.world
        self.tells, self.even, self.backups, self.drained = tells, even, backups, drained
        self.spelled, self.away_s = spelled, fail_timeout_s + 1.0
        self.workers = range(1 if zone else 4)
        self.until: dict[tuple[str, int, str], float] = {}
        self.dark: list[float] = []
        self._turn: Counter[object] = Counter()
        self._run, bench.hands.run = bench.hands.run, self.run
        bench.hands.through = self.through
        for nginx in self.world.machines:
            servers = [
                UpstreamServer(
                    self.endpoint(nginx, each),
                    fail_timeout_s=fail_timeout_s,
                    down=each in drained,
                    backup=each in backups,
                )
                for each in self.world.machines
            ]
            domain = self.world.profile.services[SERVICE].domain or ""
            others = files(self.world.profile, nginx).upstreams
            report = FilesReport({**others, domain: Upstream(tuple(servers), zone, even)})
            self.world.store.apply(FilesExamined(self.world.time, nginx, report))

    def endpoint(self, nginx: str, backend: str) -> str:
        profile = self.world.profile
        return backend_names(profile, profile.services[SERVICE], nginx, backend)[0]

    def give_up(self, backend: str) -> None:
        """Clients ask for it while it is away."""
        for nginx in self.world.machines:
            for worker in self.workers:
                self.until[nginx, worker, backend] = self.world.time + self.away_s
                if not self._able(nginx, worker):
                    self.dark.append(self.world.time)

    async def run(
        self, node: str, argv: Sequence[str], *, stdin: str, timeout_s: float, dead_man: str | None = None
    ) -> CommandAnswer:
        answer = await self._run(node, argv, stdin=stdin, timeout_s=timeout_s, dead_man=dead_man)
        if argv[-1] == f"{SERVICE}.service" and set(argv) & {"stop", "restart"}:
            self.give_up(node)
        return answer

    async def through(self, node: str, service: str, count: int, *, timeout_s: float) -> CommandAnswer:
        named: Counter[str] = Counter()
        failed = 0
        for _ in range(count):
            worker = self._next(node) % len(self.workers)
            able = self._able(node, worker)
            if able:
                backend = able[self._next((node, worker)) % len(able) if self.even else 0]
                named[self.spelled(self.endpoint(node, backend))] += 1
            else:
                failed += 1
        said = self.bench.hands.through_answer(count, failed, dict(named) if self.tells else None)
        return CommandAnswer(0, json.dumps(said), "")

    def _next(self, whose: object) -> int:
        self._turn[whose] += 1
        return self._turn[whose] - 1

    def _able(self, nginx: str, worker: int) -> list[str]:
        able = [
            name
            for name, machine in self.world.machines.items()
            if SERVICE in machine.pids
            and name not in self.drained
            and self.until.get((nginx, worker, name), 0.0) <= self.world.time
        ]
        return [each for each in able if each not in self.backups] or able
