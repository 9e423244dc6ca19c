"""A pair that behaves: commands change it, timers fire, and it tells the store what a collector would.

It speeds up the engine's unit tests; what it does was seen on the lab, and the lab tests prove the rest.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iamops.engine.engine import Engine
from iamops.engine.ports import CommandAnswer, Locked, NotSent, Order, OutcomeUnknown
from iamops.judge.run import RunReport
from iamops.ledger.audit import LedgerError
from iamops.model.events import (
    AddressesListed,
    ClientProbed,
    DatastoreProbed,
    Event,
    HttpProbed,
    LinkChanged,
    PortProbed,
    SafetyReported,
    Target,
    UnitReported,
    VrrpReported,
)
from iamops.model.facts import Link, LinkState, SafetyReport, UnitReport, VrrpReport, VrrpState
from iamops.model.journal import Anchor
from iamops.model.profile import Profile
from iamops.model.state import ClusterState
from iamops.plan.action import Action, ServiceAction, UnitVerb
from iamops.plan.addresses import backend_names
from iamops.plan.config.change import FilesSeen, PushedFiles
from iamops.session.store import Store
from tests.support.cluster_states import NOW, OK, VIP, healthy
from tests.support.profiles import pair

OK_ANSWER = CommandAnswer(0, "", "")


@dataclass
class Machine:
    """One node: which units run under which process, what is armed, how far the priority is raised."""

    priority: int
    pids: dict[str, int]
    raised: int = 0
    timers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    files: str = "old"
    staged: str = ""
    ended: str = ""
    pending: bool = False
    reachable: bool = True
    can_hold_vip: bool = True
    track_files: tuple[str, ...] = ("VI_1",)


class Pair:
    """Two machines, one VIP, a clock that only moves when someone waits."""

    def __init__(self, profile: Profile | None = None) -> None:
        self.profile = profile or pair(safety={"dead_man_s": 20, "anti_flap_s": 30})
        self.time = NOW + 1
        self.store = Store(healthy(NOW, self.profile))
        self.machines = {
            node.name: Machine(node.priority, dict.fromkeys(self.profile.actionable_units_on(node.name), 100))
            for node in self.profile.nodes.values()
        }
        self.master = next(iter(self.machines))
        self._next_pid = 1000
        self.silent: set[str] = set()
        self.own_words: dict[str, str] = {}
        self.on_look: Callable[[], None] = lambda: None
        self.tell()

    # --- what the world does ---

    def wait(self, seconds: float) -> None:
        self.time += seconds

    def power_off(self, node: str) -> None:
        """Gone with everything: its timers do not survive, and after the boot all units run again."""
        machine = self.machines[node]
        machine.reachable, machine.raised, machine.timers = False, 0, {}
        # What was in place and not confirmed is taken back at boot.
        machine.files = "old" if machine.pending else machine.files
        machine.pending = False
        machine.pids = {}
        self.elect()
        self.tell()

    def power_on(self, node: str) -> None:
        """Booted: every unit runs again, under new processes."""
        machine = self.machines[node]
        machine.reachable = True
        for unit in self.profile.actionable_units_on(node):
            self._next_pid += 1
            machine.pids[unit] = self._next_pid
        self.elect()
        self.tell()

    def fire_timers(self) -> None:
        """What systemd on the nodes does when nobody disarms."""
        for name, machine in self.machines.items():
            for argv in tuple(machine.timers.values()):
                self.command(name, argv, "")
            machine.timers.clear()

    def elect(self) -> None:
        """No preemption: a master stays while its keepalived runs."""
        if self._runs(self.master):
            return
        able = [name for name in self.machines if self._runs(name)]
        self.master = max(able, key=self._effective, default="")

    def whole(self) -> list[str]:
        """What is not as a healthy pair should be; empty when all is well."""
        wrong: list[str] = []
        for name, machine in self.machines.items():
            stopped = set(self.profile.actionable_units_on(name)) - set(machine.pids)
            wrong += [f"{unit} is stopped on {name}" for unit in sorted(stopped) if machine.reachable]
            wrong += [f"priority raised on {name}"] if machine.raised else []
            wrong += [f"{timer} armed on {name}" for timer in machine.timers]
        if not self.owner:
            wrong.append("nobody holds the VIP")
        return wrong

    @property
    def owner(self) -> str:
        return self.master if self.master and self.machines[self.master].can_hold_vip else ""

    def _runs(self, name: str) -> bool:
        machine = self.machines.get(name)
        return bool(machine and machine.reachable and self.profile.keepalived.unit in machine.pids)

    def _effective(self, name: str) -> int:
        return self.machines[name].priority + self.machines[name].raised

    # --- what a command does ---

    def command(self, node: str, argv: Sequence[str], stdin: str) -> CommandAnswer:
        machine, words = self.machines[node], list(argv)
        if words[:2] == ["sudo", "-n"]:
            words = words[2:]
        match words:
            case ["systemctl", "show", _, timer]:
                active = "active" if timer.removesuffix(".timer") in machine.timers else "inactive"
                return CommandAnswer(0, f"LoadState=loaded\nActiveState={active}\n", "")
            case ["/usr/bin/systemd-run", *rest]:
                return self._arm(machine, rest)
            case ["/usr/bin/systemctl", "stop", unit] if unit.endswith(".timer"):
                machine.timers.pop(unit.removesuffix(".timer"), None)
            case ["/usr/bin/systemctl", verb, unit]:
                self._control(node, verb, unit.removesuffix(".service"))
            case ["/usr/bin/dd", to, *_] if to.startswith("of=/run/iamops-priority."):
                machine.raised = int(stdin)
            case ["/usr/bin/truncate", *_]:
                machine.raised = 0
            case ["/usr/local/sbin/iamops-config", verb, *by]:
                return self._config(node, verb, stdin, *by)
            case ["sh", "-c", _, "stays", unit, lasts_s]:
                return self._twice(machine, unit.removesuffix(".service"), float(lasts_s))
            case ["sh", "-c", _, "own-words", unit, *_]:
                return CommandAnswer(0, self.own_words.get(unit.removesuffix(".service"), ""), "")
            case ["sh", "-c", *_]:
                return CommandAnswer(0, "0 0 0\n", "")
            case ["ps", *_]:
                self.wait(0.05)
                self.on_look()
                return CommandAnswer(0, "0\n", "")
        self.elect()
        self.tell()
        return OK_ANSWER

    def _twice(self, machine: Machine, unit: str, lasts_s: float) -> CommandAnswer:
        """systemd asked twice about a unit."""
        looks = []
        for wait_s in (0.0, lasts_s):
            self.wait(wait_s)
            self.on_look()
            pid = machine.pids.get(unit, 0)
            looks.append(f"ActiveState={'active' if pid else 'failed'}\nSubState=\nMainPID={pid}\nNRestarts=0\n")
        self.tell()
        return CommandAnswer(0, "\n".join(looks), "")

    def _config(self, node: str, verb: str, stdin: str, by: str = "console") -> CommandAnswer:
        """The node's own script, as far as an engine can tell."""
        machine = self.machines[node]
        match verb:
            case "stage":
                machine.staged = stdin
            case "arm":
                machine.timers["iamops-dead-man-config"] = ("/usr/local/sbin/iamops-config", "restore", "timer")
            case "apply" if "iamops-dead-man-config" not in machine.timers:
                return CommandAnswer(3, "", "the roll-back is not armed")
            case "apply":
                machine.files, machine.pending, machine.ended = "new", True, "pending"
            case "restore" if machine.pending:
                machine.files, machine.pending, machine.ended = "old", False, f"taken back {by}"
                self._control(node, "start", self.profile.keepalived.unit)
            case "restore" if by != "timer":
                return CommandAnswer(3, "", f"nothing to take back: push x was {machine.ended}")
            case "ready" if not machine.pending:
                return CommandAnswer(3, "", f"no push is in place: push x was {machine.ended}")
            case "confirm" if not machine.pending and not (stdin and machine.ended == "confirmed"):
                return CommandAnswer(3, "", f"no push is in place: push x was {machine.ended}")
            case "confirm":
                machine.pending, machine.ended = False, "confirmed"
                machine.timers.pop("iamops-dead-man-config", None)
        self.tell()
        return OK_ANSWER

    def _arm(self, machine: Machine, words: list[str]) -> CommandAnswer:
        unit = next(word for word in words if word.startswith("--unit=")).removeprefix("--unit=")
        if unit in machine.timers:
            return CommandAnswer(1, "", f"Failed to start transient timer unit: Unit {unit}.timer already exists.")
        machine.timers[unit] = tuple(word for word in words if not word.startswith("--"))
        return OK_ANSWER

    def _control(self, node: str, verb: str, unit: str) -> None:
        machine = self.machines[node]
        keepalived = unit == self.profile.keepalived.unit
        if verb in ("stop", "restart"):
            machine.pids.pop(unit, None)
            machine.raised = 0 if keepalived else machine.raised
            self.elect()
        if verb in ("start", "restart") and unit not in machine.pids:
            self._next_pid += 1
            machine.pids[unit] = self._next_pid
            machine.raised = 0 if keepalived else machine.raised

    # --- what collectors would tell ---

    def tell(self) -> None:
        for name in self.machines:
            for event in self._events(name):
                self.store.apply(event)
        if self.owner:
            self.store.apply(ClientProbed(self.time, "VI_1", OK))

    def _events(self, name: str) -> list[Event]:
        machine, at = self.machines[name], self.time
        if not machine.reachable:
            return [LinkChanged(at, name, Link(LinkState.DOWN, at, "timeout", "no answer", "look"))]
        held = {self.profile.nodes[name].address} | ({VIP} if self.owner == name else set())
        events: list[Event] = [
            LinkChanged(at, name, Link(LinkState.UP, NOW)),
            AddressesListed(at, name, frozenset(held)),
            SafetyReported(at, name, SafetyReport(tuple(machine.timers), None, machine.track_files)),
        ]
        for unit in self.profile.actionable_units_on(name):
            pid = machine.pids.get(unit)
            report = UnitReport("active", "running", 0, pid) if pid else UnitReport("inactive", "dead", 0, 0)
            events.append(UnitReported(at, name, unit, report))
        if self._runs(name):
            state = VrrpState.MASTER if self.master == name else VrrpState.BACKUP
            vrrp = VrrpReport(state, "json", machine.priority, self._effective(name), NOW - 3600)
            events.append(VrrpReported(at, name, "VI_1", vrrp))
        events += [DatastoreProbed(at, name, store, OK) for store in self.profile.datastores]
        events += [PortProbed(at, name, port, OK) for port in self.profile.needed_ports_on(name)]
        return events + self._probes(name)

    def _probes(self, name: str) -> list[Event]:
        events: list[Event] = []
        for service in self.profile.services.values():
            if service.unit not in self.machines[name].pids or service.unit in self.silent:
                continue
            peers = (peer.name for peer in self.profile.peers_of(name) if self.machines[peer.name].reachable)
            observers = (name, *peers)
            events += [HttpProbed(self.time, name, o, Target.SERVICE, service.name, OK) for o in observers]
            nginx = self.profile.nginx.unit
            if service.domain and nginx in self.machines[name].pids and nginx not in self.silent:
                events.append(HttpProbed(self.time, name, name, Target.DOMAIN, service.domain, OK))
        return events


class Killed(BaseException):
    """The console's process is gone: nothing of it runs any more, not even an undo."""


class PairHands:
    """Hands on the pair. `before` and `after` may raise, to cut at an exact command; `sent` keeps them all."""

    def __init__(self, world: Pair) -> None:
        self.world = world
        self.sent: list[tuple[str, ...]] = []
        self.notes: list[str] = []
        self.unnoted: dict[str, str] = {}
        self.before: Callable[[int, Sequence[str]], None] = lambda number, argv: None
        self.after: Callable[[int, Sequence[str]], None] = lambda number, argv: None
        self.answers: dict[tuple[str, ...], CommandAnswer] = {}
        self.ineffective: set[str] = set()
        self.held_by: str | None = None
        self.lock_lost: str | None = None
        self.unlocked: dict[str, str] = {}
        self.locks: list[tuple[str, ...]] = []
        self.split: dict[str, Any] = {}
        self.here_ran: list[tuple[str, ...]] = []
        self.waiting: dict[str, tuple[str, ...]] = {}
        self.keeps = True
        self.given_up: set[str] = set()
        self.blind: set[str] = set()

    @property
    def changes(self) -> list[tuple[str, ...]]:
        """The commands that change something, without `sudo -n`."""
        return [argv[2:] for argv in self.sent if argv[:1] == ("sudo",)]

    async def run(
        self, node: str, argv: Sequence[str], *, stdin: str, timeout_s: float, dead_man: str | None = None
    ) -> CommandAnswer:
        if not self.world.machines[node].reachable:
            raise NotSent(f"{node} is not connected")
        number = len(self.sent)
        self.sent.append(tuple(argv))
        self.before(number, argv)
        if dead_man is not None and dead_man not in self.world.machines[node].timers:
            raise NotSent(f"{node} refused it: its undo has fired already, or was disarmed")
        words = " ".join(argv)
        if any(part in words for part in self.ineffective):
            answer = OK_ANSWER
        else:
            answer = self.answers.get(tuple(argv)) or self.world.command(node, argv, stdin)
        self.after(number, argv)
        return answer

    async def pushed(self, files: PushedFiles) -> FilesSeen:
        machine = self.world.machines[files.node]
        if not machine.reachable or files.node in self.blind:
            raise OutcomeUnknown(f"{files.node} is not connected")
        return FilesSeen(machine.ended, files.new if machine.files == "new" else files.old)

    async def ask(self, count: int, *, timeout_s: float) -> CommandAnswer:
        return CommandAnswer(0, json.dumps(self.split), "")

    async def through(self, node: str, service: str, count: int, *, timeout_s: float) -> CommandAnswer:
        """An nginx that passes requests on to every backend whose unit runs."""
        world, found = self.world, self.world.profile.services[service]
        if not world.machines[node].reachable:
            raise NotSent(f"{node} is not connected")
        names = {
            backend_names(world.profile, found, node, each)[0]: count // 2
            for each in world.machines
            if found.unit in world.machines[each].pids and each not in self.given_up
        }
        failed = 0 if names else count
        return CommandAnswer(0, json.dumps(self.through_answer(count, failed, names)), "")

    @staticmethod
    def through_answer(sent: int, failed: int, backends: dict[str, int] | None) -> dict[str, Any]:
        complaint = "HTTP 502" if failed else ""
        return {
            "sent": sent,
            "failed": failed,
            "complaint": complaint,
            "backends": backends,
            "unavailable": "no log",
        }

    async def confirmed(self, timeout_s: float) -> CommandAnswer:
        return CommandAnswer(0, "", "") if self.keeps else CommandAnswer(1, "", "nobody confirmed it")

    async def run_here(self, argv: Sequence[str], *, timeout_s: float) -> CommandAnswer:
        """`power-off NODE`, `power-on NODE`: the world's own words for it."""
        verb, node = argv
        self.here_ran.append(tuple(argv))
        self.world.wait(0.3)
        if verb == "power-off":
            self.world.power_off(node)
        else:
            self.world.power_on(node)
        return OK_ANSWER

    async def run_later(self, name: str, argv: Sequence[str], *, delay_s: float) -> CommandAnswer:
        self.waiting[name] = tuple(argv)
        return OK_ANSWER

    async def cancel_later(self, name: str) -> CommandAnswer:
        self.waiting.pop(name, None)
        return OK_ANSWER

    @contextlib.asynccontextmanager
    async def lock(
        self, nodes: Sequence[str], holder: Mapping[str, str], beside: Collection[str] = ()
    ) -> AsyncIterator[PairHands]:
        if self.held_by:
            raise Locked(self.held_by)
        if not self.unlocked.keys() <= {*beside}:
            raise Locked("a node that is acted on cannot be locked")
        self.locks.append(tuple(node for node in nodes if node not in self.unlocked))
        yield self

    def lost(self, node: str) -> str | None:
        return self.lock_lost

    async def note(self, node: str, text: str) -> str | None:
        self.notes.append(f"{node}: {text}")
        return self.unnoted.get(node)


class PairEyes:
    """Eyes on the pair: waiting lets its clock go on. `on_wait` may change the world meanwhile."""

    def __init__(self, world: Pair) -> None:
        self.world = world
        self.on_wait: Callable[[], None] = lambda: None
        self.on_fresh: Callable[[], None] = lambda: None

    @property
    def state(self) -> ClusterState:
        return self.world.store.state

    def now(self) -> float:
        return self.world.time

    def refresh(self) -> None:
        self.world.tell()

    async def changed(self, timeout_s: float) -> None:
        self.world.wait(timeout_s)
        self.on_wait()

    async def fresh(self, nodes: Sequence[str], timeout_s: float) -> tuple[str, ...]:
        self.world.wait(0.05)
        self.on_fresh()
        self.world.tell()
        return ()


class Records:
    """The ledger as a list; `full` makes it refuse."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, Mapping[str, Any]]] = []
        self.full = False

    def check(self) -> None:
        if self.full:
            raise LedgerError(Path("audit.jsonl"), "no space left on device", "make room")

    def record(self, kind: str, body: Mapping[str, Any]) -> Anchor | None:
        self.check()
        self.kept.append((kind, body))
        return Anchor("1edce0" + "0" * 10, len(self.kept), f"{len(self.kept):032x}", "9" * 12)


class Bench:
    """An engine on a pair, and everything a test wants to ask of it."""

    def __init__(self, profile: Profile | None = None) -> None:
        self.world = Pair(profile)
        self.hands = PairHands(self.world)
        self.eyes = PairEyes(self.world)
        self.records = Records()
        self.engine = Engine(self.hands, self.eyes, self.records, lambda plan: None)

    def order(self, action: Action, **changes: Any) -> Order:
        return Order(action, who="alice@laptop", origin="local", command="iamops …", **changes)


def unknown(at: int) -> Callable[[int, Sequence[str]], None]:
    """After the command with this number the link is gone: it was sent, and no answer came."""

    def cut(number: int, argv: Sequence[str]) -> None:
        if number == at:
            raise OutcomeUnknown("the link was lost")

    return cut


RESTART_BACKEND = ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-a")


async def run(bench: Bench, action: Action, **changes: object) -> RunReport:
    return await bench.engine.run(bench.order(action, **changes), lambda report: None)
