"""Reading one node's logs: which line is whose, when it was written, how many are kept, and what is not read."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable

import pytest

from iamops.model.facts import Severity
from iamops.model.journal import LogSource
from iamops.nodes.logs import tail
from iamops.nodes.logs.tail import HISTORY_LINES, Intake, NodeLogs, Quota, placed
from iamops.nodes.transport import ChannelRefused, LinkLost
from tests.support.log_samples import AT, ERROR, FAILURE, JOURNAL, NOW, OF_ACCESS, OF_ERROR, REQUEST, TAIL, ZONE
from tests.support.profiles import pair
from tests.support.transport import ScriptedTransport, Stream


def entry(message: object, at: float = AT + 1.5, **fields: str) -> bytes:
    raw = {"MESSAGE": message, "_SYSTEMD_UNIT": "nginx.service", "PRIORITY": "6"}
    return json.dumps({**raw, "_SOURCE_REALTIME_TIMESTAMP": str(round(at * 1e6)), **fields}).encode()


class Heard:
    """What was told of one node."""

    def __init__(self) -> None:
        self.lines: list[tuple[float, LogSource, str, Severity]] = []
        self.silences: list[tuple[str, str]] = []
        self.folded: list[tuple[str, str]] = []
        self.lost = 0
        self.begun: list[LogSource] = []
        self.holes: list[LogSource] = []

    def line(self, at: float, source: LogSource, text: str, severity: Severity, speaker: str = "") -> None:
        self.lines.append((at, source, text, severity))

    def further(self, speaker: str, text: str) -> bool:
        if not self.lines:
            return False
        self.folded.append((speaker, text))
        return True

    def dropped(self) -> None:
        self.lost += 1

    def begins(self, source: LogSource) -> None:
        self.begun.append(source)

    def hole(self, at: float, source: LogSource) -> None:
        self.holes.append(source)

    def silent(self, what: str, reason: str) -> None:
        if reason or self.silences:
            self.silences.append((what, reason))

    @property
    def texts(self) -> list[str]:
        return [text for _, _, text, _ in self.lines]


def logs(heard: Heard, ahead_s: float = 0.0) -> NodeLogs:
    return NodeLogs("iam-a", pair(), heard, lambda: NOW, lambda: ahead_s)


def node(*files: bytes, journal: tuple[bytes, ...] = ()) -> ScriptedTransport:
    return ScriptedTransport("iam-a", ZONE, Stream(TAIL, files, stays=True), Stream(JOURNAL, journal, stays=True))


@contextlib.asynccontextmanager
async def reading(made: NodeLogs, transport: ScriptedTransport) -> AsyncIterator[Callable]:
    task = asyncio.create_task(made.read(transport))

    async def until(claim: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not claim():
                assert not task.done(), task.exception()
                await asyncio.sleep(0)

    try:
        yield until
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await transport.close()


async def test_each_line_has_its_source_its_time_and_its_weight():
    heard = Heard()
    transport = node(OF_ACCESS, REQUEST % 1, b"", OF_ERROR, FAILURE, journal=(entry("reloaded", PRIORITY="4"),))
    async with reading(logs(heard), transport) as until:
        await until(lambda: len(heard.lines) == 3)
    assert sorted(heard.lines) == sorted(
        [
            (AT, LogSource.ACCESS, (REQUEST % 1).decode(), Severity.INFO),
            (AT + 1, LogSource.ERROR, FAILURE.decode(), Severity.CRITICAL),
            (AT + 1.5, LogSource.JOURNAL, "nginx: reloaded", Severity.WARNING),
        ]
    )


async def test_a_node_whose_clock_is_ahead_is_put_right():
    heard = Heard()
    async with reading(logs(heard, ahead_s=3.0), node(OF_ERROR, FAILURE)) as until:
        await until(lambda: bool(heard.lines))
    assert heard.lines[0][0] == AT - 2


async def test_systemds_words_about_a_unit_are_systemds_and_our_own_question_is_no_news():
    heard = Heard()
    echo = entry("Printing VRRP as json for process(17114) on signal")
    journal = (echo, entry("Started nginx.service", UNIT="nginx.service"), b"no json", entry(None))
    async with reading(logs(heard), node(journal=journal)) as until:
        await until(lambda: len(heard.lines) == 2)
    assert heard.texts == ["systemd: Started nginx.service", f"nginx: {tail.TOO_LONG}"]


async def test_a_hostile_line_is_harmless_and_short():
    heard = Heard()
    hostile = b"\x1b]0;owned\x07\x00\xff[bold]" + b"A" * 1_000_000
    async with reading(logs(heard), node(OF_ACCESS, hostile, journal=(entry("\x1b[2J‮x"),))) as until:
        await until(lambda: len(heard.lines) == 2)
    assert all(text.isprintable() and len(text) < 4100 for text in heard.texts)
    assert any("more" in text or "bytes)" in text for text in heard.texts)


async def test_a_file_that_cannot_be_read_is_told_and_the_other_one_is_read():
    heard = Heard()
    async with reading(logs(heard), node(f"? {ERROR}".encode(), OF_ACCESS, REQUEST % 1)) as until:
        await until(lambda: bool(heard.lines))
    assert heard.silences[0] == (ERROR, "it cannot be read by the login user")
    assert heard.texts == [(REQUEST % 1).decode()]


async def test_a_file_that_can_be_read_later_is_told_too():
    heard = Heard()
    transport = node(f"? {ERROR}".encode(), OF_ACCESS)
    async with reading(logs(heard), transport) as until:
        await until(lambda: bool(heard.silences))
        transport.say(TAIL, OF_ERROR)
        await until(lambda: (ERROR, "") in heard.silences)


async def test_what_a_log_says_is_no_complaint_of_ours():
    heard = Heard()
    async with reading(logs(heard), node(OF_ACCESS, f"? {ERROR}".encode())) as until:
        await until(lambda: bool(heard.lines))
    assert heard.texts == [f"? {ERROR}"]


async def test_a_command_that_ends_is_told_and_started_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tail, "RETRY_SOURCE_S", 0.0)
    heard = Heard()
    script = (
        ZONE,
        Stream(TAIL, stays=True),
        Stream(JOURNAL, stderr=b"No journal files were found.\n"),
        Stream(JOURNAL, error=ChannelRefused("iam-a", "no more sessions", "wait")),
        Stream(JOURNAL, (entry("here again"),), stays=True),
    )
    async with reading(logs(heard), ScriptedTransport("iam-a", *script)) as until:
        await until(lambda: bool(heard.lines))
    assert heard.silences[:2] == [
        ("its journal", "journalctl ended: No journal files were found."),
        ("its journal", "no more sessions"),
    ]
    assert heard.silences[-1] == ("its journal", "")


async def test_after_a_lost_link_no_line_is_told_twice_and_none_is_missing():
    heard = Heard()
    made = logs(heard)
    first = node(OF_ACCESS, *(REQUEST % n for n in range(5)), journal=(entry("one"),))
    async with reading(made, first) as until:
        await until(lambda: len(heard.lines) == 6)
    again = node(OF_ACCESS, *(REQUEST % n for n in range(2, 8)), journal=(entry("one"), entry("two")))
    async with reading(made, again) as until:
        await until(lambda: len(heard.lines) == 10)
    assert [text for text in heard.texts if "GET" in text] == [(REQUEST % n).decode() for n in range(8)]
    assert [text for text in heard.texts if "nginx" in text] == ["nginx: one", "nginx: two"]


async def test_more_lines_than_are_asked_for_again_leave_a_hole_that_is_told():
    heard = Heard()
    made = logs(heard)
    first = node(OF_ACCESS, *(REQUEST % n for n in range(5)))
    async with reading(made, first) as until:
        await until(lambda: len(heard.lines) == 5)
    assert set(heard.begun) == {LogSource.ACCESS, LogSource.ERROR, LogSource.JOURNAL}
    async with reading(made, node(OF_ACCESS, *(REQUEST % n for n in range(50, 53)))) as until:
        await until(lambda: len(heard.lines) == 8)
    assert heard.holes == [LogSource.ACCESS]


async def test_the_same_request_twice_in_a_second_is_two_lines():
    heard = Heard()
    async with reading(logs(heard), node(OF_ACCESS, REQUEST % 1, REQUEST % 1)) as until:
        await until(lambda: len(heard.lines) == 2)


async def test_a_lost_link_is_raised_with_its_reason():
    transport = node(OF_ACCESS)
    task = asyncio.create_task(logs(Heard()).read(transport))
    await asyncio.sleep(0.01)
    transport.drop()
    with pytest.raises(LinkLost, match="cut by the script"):
        await task


def test_two_thousand_lines_a_second_are_kept_of_one_source():
    quota = Quota()
    kept = sum(quota.allows(n / 20_000) for n in range(100_000))
    # The first second's allowance, and 2,000 for each of the five seconds.
    assert 11_900 <= kept <= 12_000


def test_a_quiet_source_may_speak_up():
    quota = Quota()
    assert all(quota.allows(0.0) for _ in range(2000))
    assert not quota.allows(0.0)
    assert quota.allows(0.5)


def test_what_is_too_much_is_counted():
    heard = Heard()
    intake = Intake(LogSource.ACCESS, heard, lambda: NOW, lambda: 0.0)
    kept = sum(intake.wants(b"%d" % n) for n in range(5000))
    assert (kept, heard.lost) == (2000, 3000)


def test_a_line_that_comes_within_its_second_was_written_when_it_came():
    assert placed(AT, AT + 0.4, history=False) == AT + 0.4
    assert placed(AT, AT + 2.0, history=False) == AT + 0.999
    assert placed(AT, AT - 0.2, history=False) == AT
    assert placed(AT, AT + 4000, history=True) == AT
    assert placed(AT + 0.25, AT + 1, history=False) == AT + 0.25


def test_a_time_that_cannot_be_is_not_believed():
    assert placed(None, NOW, history=False) == NOW
    assert placed(NOW + 3600, NOW, history=True) == NOW
    assert placed(NOW - 3600, NOW, history=False) == NOW


def test_only_so_many_lines_can_be_history():
    heard = Heard()
    intake = Intake(LogSource.ACCESS, heard, lambda: NOW, lambda: 0.0)
    intake.restart()
    for n in range(HISTORY_LINES + 1):
        assert intake.wants(b"%d" % n)
        intake.take(AT - 4000, "x", Severity.INFO)
    assert [at for at, *_ in heard.lines] == [AT - 4000] * HISTORY_LINES + [NOW]


STAMP = "2026-11-29 12:00:00.123"
DUMPED = (
    f"{STAMP}\t\x1b[34mINFO\x1b[0m\tapiserver\tmiddleware/dump.go:12\tPOST /login",
    "POST /login HTTP/1.1",
    "Host: iam.api",
    "",
    f"{STAMP}\t\x1b[31mERROR\x1b[0m\tapiserver\tstore/mysql.go:7\tcannot connect",
    "panic: runtime error",
    "goroutine 1 [running]:",
    "\tmain.main()",
    "Error: unknown flag",
)


async def test_a_record_of_several_lines_is_one_row_and_its_own_level_counts_where_the_journal_has_none():
    heard = Heard()
    journal = tuple(
        entry(text, AT + 1 + n / 1000, _SYSTEMD_UNIT="iam-api.service") for n, text in enumerate(DUMPED)
    )
    later = entry("not a part of it", AT + 9, _SYSTEMD_UNIT="iam-api.service")
    loud = entry("x", AT + 9, PRIORITY="3", _SYSTEMD_UNIT="keepalived.service")
    transport = node(
        journal=(*journal, later, loud, entry("\tat frame", AT + 9.1, _SYSTEMD_UNIT="keepalived.service"))
    )
    async with reading(logs(heard), transport) as until:
        await until(lambda: len(heard.folded) == 6)
    assert [(text.split(" ", 1)[0], severity) for _, _, text, severity in heard.lines] == [
        ("iam-api:", severity)
        for severity in (Severity.INFO, Severity.CRITICAL, Severity.CRITICAL, Severity.CRITICAL, Severity.INFO)
    ] + [("keepalived:", Severity.CRITICAL)]
    assert all("x1b" not in text for text in heard.texts)
    assert [text for _, text in heard.folded] == [
        "POST /login HTTP/1.1",
        "Host: iam.api",
        "",
        "goroutine 1 [running]:",
        " main.main()",
        " at frame",
    ]


async def test_colours_of_a_log_file_are_left_out_and_what_else_acts_on_a_terminal_is_shown():
    heard = Heard()
    async with reading(logs(heard), node(OF_ERROR, b"\x1b[31;1mred\x1b[0m \x1b[2J \x1b]0;title")) as until:
        await until(lambda: bool(heard.lines))
    assert heard.texts == ["red \\x1b[2J \\x1b]0;title"]
