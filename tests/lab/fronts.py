"""A front whose terminal does something to it in mid-action: a real pseudo terminal that is closed, not read, or
a process that is stopped. What must be true afterwards is in `check`."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from tests.lab.acting import ActingLab
from tests.lab.cuts import hashes
from tests.lab.whole import whole_within

GONE_WITHIN_S = 3.0
# What an action may take longer than an undisturbed one of the same moment.
SLOWER_BY_S = 0.5
OVER_WITHIN_S = 90.0
READ_BYTES = 1 << 16
KEY_S = 0.2
CONTROLS, ATTEMPTS = 2, 3


class TookLonger(AssertionError):
    """Than undisturbed runs just before; once may be the machine's own doing."""


class Front:
    """iamops on a pseudo terminal of its own session. Nobody reads it while `reading` is clear."""

    def __init__(self, lab: ActingLab, argv: Sequence[str], state: Path) -> None:
        self.began = time.time()
        self.reading = threading.Event()
        self.reading.set()
        self.ledger = state / "iamops" / "audit.jsonl"
        self._boundaries = state / "boundaries"
        state.mkdir(parents=True)
        self._boundaries.touch()
        self._text = ""
        self._closed = False
        self._arrived = threading.Condition()
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.lab.front_under_test", "--profile", str(lab.profile_file), *argv],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            preexec_fn=_own_terminal,
            env={
                **lab.environment,
                "XDG_STATE_HOME": str(state),
                "TERM": "xterm-256color",
                "FRONT_BOUNDARIES": str(self._boundaries),
            },
        )
        os.close(slave)
        threading.Thread(target=self._read, daemon=True).start()

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def wait_for(self, *patterns: str, timeout_s: float = 20.0) -> None:
        """Until every text was painted, in any order, at any time since the last call."""
        deadline = time.monotonic() + timeout_s
        with self._arrived:
            while missing := [each for each in patterns if not re.search(each, self._text)]:
                left = deadline - time.monotonic()
                assert left > 0, f"{missing} never painted: {self._text[-400:]!r}"
                self._arrived.wait(left)
            self._text = ""

    def records(self) -> list[dict[str, Any]]:
        """The audit of this front alone."""
        if not self.ledger.exists():
            return []
        return [json.loads(line) for line in self.ledger.read_text().splitlines() if line.endswith("}")]

    def outcome(self) -> dict[str, Any] | None:
        return next((each for each in self.records() if each["kind"] in ("outcome", "refused")), None)

    def wait_for_outcome(self, timeout_s: float = OVER_WITHIN_S) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        while (found := self.outcome()) is None:
            assert time.monotonic() < deadline, f"no outcome in the audit after {timeout_s:.0f} s"
            time.sleep(0.05)
        return found

    @property
    def boundaries(self) -> list[str]:
        """Those of the run that were passed so far."""
        return self._boundaries.read_text().splitlines()

    def wait_for_boundary(self, at: int | str) -> str:
        """The name of one, given its number or its name; returns at once when it is passed."""
        deadline = time.monotonic() + OVER_WITHIN_S
        while (name := self._passed(at)) is None:
            assert time.monotonic() < deadline, (
                f"never came to boundary {at}: {self.boundaries[-3:]}; on the screen: {self._text[-1500:]!r}"
            )
            assert self.outcome() is None, f"was over before boundary {at}: {self.outcome()}"
            time.sleep(0.002)
        return name

    def _passed(self, at: int | str) -> str | None:
        passed = self.boundaries
        if isinstance(at, str):
            return at if at in passed else None
        return passed[at] if len(passed) > at else None

    def close_terminal(self) -> None:
        """As a window that is closed: the kernel hangs up on everybody who has it."""
        self._closed = True
        os.close(self._master)

    def end(self) -> None:
        self.reading.set()
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
        if not self._closed:
            self.close_terminal()

    def _read(self) -> None:
        while not self._closed:
            self.reading.wait(0.2)
            if not self.reading.is_set():
                continue
            try:
                if not select.select([self._master], [], [], 0.1)[0]:
                    continue
                chunk = os.read(self._master, READ_BYTES)
            except (OSError, ValueError):
                return
            with self._arrived:
                self._text += _plain(chunk)
                self._arrived.notify_all()


def _own_terminal() -> None:
    # Whoever runs the tests under nohup must not have the front ignore its terminal's end.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


_ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-Za-z]|[=>78])")


def _plain(chunk: bytes) -> str:
    return _ESCAPES.sub(b"", chunk).decode("utf-8", "replace")


@dataclass(frozen=True)
class Action:
    """One action as a person asks for it, in the console and in a shell."""

    name: str
    keys: tuple[tuple[str, str], ...]
    argv: tuple[str, ...]
    dead_man_s: float

    def begin(self, front: Front) -> None:
        """In the console: up to the key that begins the run."""
        front.wait_for(r"-> iam-", r"BACKUP")
        front.press("A")
        front.wait_for(r"ARMED")
        for keys, answer in self.keys:
            for key in keys:
                front.press(key)
                time.sleep(KEY_S)  # as fast as a person: a key behind a Tab goes where the focus was before
            if answer:
                front.wait_for(answer)


def actions(lab: ActingLab) -> dict[str, Action]:
    agree = ("\tlab\r", "")
    dead_man_s, rollback_s = lab.profile.safety.dead_man_s, lab.profile.safety.rollback_s
    return {
        "switchover": Action("switchover", (("F", r"type lab"), agree), ("switchover", "--yes"), dead_man_s),
        "restart": Action(
            "restart",
            ((":restart nginx iam-b\r", r"Cancel"), ("\t\r", "")),
            ("restart", "nginx", "iam-b", "--yes"),
            dead_man_s,
        ),
        "push": Action("push", (("P", r"every node is touched"), agree), ("config", "push", "--yes"), rollback_s),
        "drill": Action(
            "drill",
            (("4", r"nginx-stop"), (":drill nginx-stop\r", r"type lab"), agree),
            ("drill", "run", "nginx-stop", "--yes"),
            dead_man_s,
        ),
    }


@contextlib.contextmanager
def front_of(lab: ActingLab, argv: Sequence[str], name: str) -> Iterator[Front]:
    """A front with a ledger of its own, ended afterwards whatever happened to it."""
    state = lab.directory / f"state-{name}-{time.monotonic_ns()}"
    front = Front(lab, argv, state)
    try:
        yield front
    finally:
        front.end()


def took_s(front: Front) -> float:
    """The engine's time: from the intent to the outcome in the audit."""
    at = {each["kind"]: datetime.fromisoformat(each["at"]) for each in front.records()}
    return (at["outcome"] - at["intent"]).total_seconds()


@contextlib.contextmanager
def begun(lab: ActingLab, action: Action, front: str) -> Iterator[Front]:
    """On a whole pair. `front`: console or shell; in the console the run is begun by the keys a person presses."""
    lab.make_whole()
    if action.name == "push" and lab.run("config", "diff", "--check").code == 0:
        was = yaml.safe_load(lab.profile_file.read_text()).get("nginx")
        lab.write_profile(nginx=None if was else {"client_max_body": "9m"})
    with front_of(lab, () if front == "console" else action.argv, f"{front}-{action.name}") as seen:
        if front == "console":
            action.begin(seen)
        yield seen


def undisturbed(lab: ActingLab, action: Action, front: str) -> tuple[float, list[str]]:
    """The engine's time, and the names of all boundaries."""
    with begun(lab, action, front) as seen:
        outcome = seen.wait_for_outcome()
        assert outcome["outcome"] == "succeeded", outcome["sentence"]
        return took_s(seen), seen.boundaries


def disturbed(
    lab: ActingLab, action: Action, front: str, way: str, at: int | str, seconds: float, alone_s: float = 0.0
) -> str:
    """One run whose terminal is closed, stalled, suspended or stopped at one boundary; a line for a table.

    `alone_s`: what an undisturbed run has taken before; where that is too little, some of the same moment count.
    """
    match way:
        case "closed":
            return closed(lab, action, front, at)
        case "stopped":
            return stopped(lab, action, front, at, seconds)
    for attempt in range(ATTEMPTS):
        if attempt or not alone_s:
            # keepalived's own times differ by a second from one run to the next: the slowest is what may be.
            alone_s = max(undisturbed(lab, action, front)[0] for _ in range(CONTROLS))
        try:
            if way == "stalled":
                return stalled(lab, action, front, at, seconds, alone_s)
            return suspended(lab, action, front, at, alone_s)
        except TookLonger:
            if attempt + 1 == ATTEMPTS:
                raise
    raise AssertionError("never comes here")


def _as_quick(what: str, spent_s: float, alone_s: float) -> None:
    if spent_s > alone_s + SLOWER_BY_S:
        raise TookLonger(f"{what}: {spent_s:.2f} s, alone {alone_s:.2f} s")


def closed(lab: ActingLab, action: Action, front: str, at: int | str) -> str:
    """Undone, or done if it was; gone within seconds; and told in the audit."""
    files = hashes(lab)
    with begun(lab, action, front) as seen:
        name = seen.wait_for_boundary(at)
        seen.close_terminal()
        closed_at = time.monotonic()
        seen.process.wait(GONE_WITHIN_S + OVER_WITHIN_S)
        gone_s = time.monotonic() - closed_at
        outcome = seen.outcome()
        if seen.records():
            assert outcome is not None, f"closed at {name}: no outcome in the audit"
            assert outcome["interrupted"] or outcome["outcome"] == "succeeded", outcome
            assert outcome["restored_by"] != "nobody", outcome
        assert gone_s <= GONE_WITHIN_S, f"closed at {name}: there for {gone_s:.1f} s"
    whole_s = whole_within(lab, action.dead_man_s + 10)
    if outcome and outcome["outcome"] != "succeeded":
        assert hashes(lab) == files, f"closed at {name}: told as undone, and the files are others"
    told = f"{outcome['outcome']}, by {outcome['restored_by']}" if outcome else "nothing was begun"
    where = f"{action.name} | {front} | closed | {at} {name}"
    return f"{where} | {told} | gone in {gone_s:.1f} s, whole in {whole_s:.1f} s"


def stalled(lab: ActingLab, action: Action, front: str, at: int | str, stall_s: float, control_s: float) -> str:
    """Takes the time it takes. What could not be drawn is drawn when somebody reads again."""
    with begun(lab, action, front) as seen:
        name = seen.wait_for_boundary(at)
        seen.reading.clear()
        until = time.monotonic() + stall_s
        outcome = seen.wait_for_outcome()
        time.sleep(max(0.0, until - time.monotonic()))
        seen.reading.set()
        assert outcome["outcome"] == "succeeded", f"stalled at {name}: {outcome['sentence']}"
        spent_s = took_s(seen)
        _as_quick(f"stalled at {name}", spent_s, control_s)
        if front == "console":
            seen.wait_for(r"SUCCEEDED|PASS")
        else:
            assert seen.process.wait(10) == 0
    whole_within(lab, action.dead_man_s + 10)
    return f"{action.name} | {front} | stalled | {at} {name} | {spent_s:.2f} s, alone {control_s:.2f} s"


def suspended(lab: ActingLab, action: Action, front: str, at: int | str, control_s: float) -> str:
    """Is refused: a process that stands still could neither go on nor undo."""
    with begun(lab, action, front) as seen:
        name = seen.wait_for_boundary(at)
        seen.process.send_signal(signal.SIGTSTP)
        outcome = seen.wait_for_outcome()
        assert outcome["outcome"] == "succeeded", f"suspended at {name}: {outcome['sentence']}"
        spent_s = took_s(seen)
        _as_quick(f"suspended at {name}", spent_s, control_s)
    whole_within(lab, action.dead_man_s + 10)
    return f"{action.name} | {front} | suspended | {at} {name} | {spent_s:.2f} s, alone {control_s:.2f} s"


def stopped(lab: ActingLab, action: Action, front: str, at: int | str, stop_s: float) -> str:
    """Goes on or is undone, and says of the time in between that nobody looked."""
    with begun(lab, action, front) as seen:
        name = seen.wait_for_boundary(at)
        seen.process.send_signal(signal.SIGSTOP)
        time.sleep(stop_s)
        acting = "outcome" not in [each["kind"] for each in seen.records()]
        seen.process.send_signal(signal.SIGCONT)
        outcome = seen.wait_for_outcome()
        client = outcome.get("client") or {}
        unseen_s = client.get("not_measured_ms", 0.0) / 1000
        gap_ms = client.get("longest_gap_ms") or 0.0
        if client and acting:
            assert gap_ms < stop_s * 500, f"stopped at {name}: {client}"
            assert unseen_s >= stop_s - 1 or client["attempts"] == 0 or at_an_end(name), f"{name}: {client}"
    whole_within(lab, action.dead_man_s + 10)
    told = f"{outcome['outcome']}, by {outcome.get('restored_by')}"
    return (
        f"{action.name} | {front} | stopped | {at} {name} | {told} | unseen {unseen_s:.1f} s, gap {gap_ms:.0f} ms"
    )


def at_an_end(name: str) -> bool:
    """Before the meter was started, or after it was stopped, there is nothing to be missed."""
    return name in ("planning", "plan", "locking", "looking again", "over")
