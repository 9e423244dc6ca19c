"""Readers of foreign words that a watch has beside those of single files: frames, journals, its own memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
import zlib
from pathlib import Path

from iamops.judge.alerts.memory import recalled as alerts_recalled
from iamops.judge.alerts.memory import remembered
from iamops.judge.alerts.message import AlertKind, message
from iamops.judge.alerts.state import Alerts, AlertSnapshot
from iamops.judge.alerts.step import step
from iamops.judge.triage.events import recalled
from iamops.judge.triage.timeline import of_journal, splits, turns
from iamops.ledger.outbox import Outbox, line_records
from iamops.model.facts import Severity
from iamops.model.foreign import json_of
from iamops.model.profile import Profile
from iamops.model.timestamps import rfc3339
from iamops.nodes.logs.tail import Records
from iamops.nodes.probes.tls import NoTls, TlsStream, unchecked
from iamops.nodes.ssh.channels import ChannelLines, ChannelOutput
from iamops.nodes.ssh.command_line import Frame
from iamops.nodes.transport import LinkLost, TransportError
from iamops.parse.complaints import service_complaints
from iamops.parse.host import TurnFiles, turn_files, turn_of
from iamops.parse.journal import journal_extent, journal_records
from iamops.report.watch import alert_document
from tests.fuzz.target import Target

NOW = 1.7e9
MARK = "iamops-0123456789abcdef"
JSON_WORDS = (b"NaN", b"1e400", b'"\\ud800"', b"[" * 3000, b"null", b"-1", b"1e18", b"9999999999999999999", b"[]")


def targets(profile: Profile, journals: tuple[bytes, ...]) -> tuple[Target, ...]:
    """`journals`: lines of `journalctl --output=json`."""
    return (
        Target("service journal", _service_journal, SERVICES, words=JSON_WORDS),
        Target("frame", _frame, FRAMES, words=(f"{MARK}(\n".encode(), f"{MARK})".encode(), f"{MARK}!\n".encode())),
        Target("tls handshake", _tls, TLS, (NoTls,)),
        Target("recalled", lambda raw: _recalled(raw, profile), journals, words=JSON_WORDS),
        Target(
            "journal kept", lambda raw: journal_extent(raw.decode("utf-8", "replace")), (KEPT,), words=JSON_WORDS
        ),
        Target("turns", _turns, TURNS),
        Target("alert memory", _memory, (MEMORY,), (ValueError, TypeError, KeyError, AttributeError), JSON_WORDS),
        Target("outbox", _outbox, (OUTBOX,), words=JSON_WORDS),
    )


def _service_journal(raw: bytes) -> object:
    lines, records = raw.splitlines(), Records()
    return service_complaints(lines), [records.level(record) for record in journal_records(lines)]


def _frame(raw: bytes) -> object:
    """As a channel brings it: in pieces, and the end of both streams is looked for after each."""
    frame = Frame(MARK)
    output, lines = ChannelOutput(_lost, frame), ChannelLines(_lost, ("true",), frame)
    size = 7 + len(raw) // 50
    for at in range(0, len(raw), size):
        for channel in (output, lines):
            channel.data_received(raw[at : at + size], None)
        _ = output.complete
    lines.closed = True
    return (
        frame.read(raw, raw),
        frame.noise(raw, raw),
        output.result(("true",)),
        asyncio.run(_drained(lines)),
        lines.ending,
    )


async def _drained(lines: ChannelLines) -> list[bytes]:
    found: list[bytes] = []
    with contextlib.suppress(TransportError):
        found.extend([line async for line in lines])
    return found


def _lost(_: Exception | None) -> TransportError:
    return LinkLost("iam-a", "gone", "look")


class _Said:
    """A port that says something and then hangs up."""

    def __init__(self, raw: bytes) -> None:
        self._left = raw

    async def read(self, limit: int) -> bytes:
        chunk, self._left = self._left[:limit], self._left[limit:]
        return chunk

    async def write(self, chunk: bytes) -> None: ...

    def close(self) -> None: ...


def _tls(raw: bytes) -> object:
    return asyncio.run(TlsStream(_Said(raw), unchecked(), "iam.example").handshake())


def _recalled(raw: bytes, profile: Profile) -> object:
    """What a journal remembers, as lines of the event list: every time in it can be shown."""
    records = tuple(journal_records(raw.splitlines()))
    notices = recalled(of_journal(records, profile, "iam-a", 0.0), profile)
    told = splits(turns(records, profile, "iam-a", 0.0), profile, NOW)
    return [rfc3339(each.at) for each in (*notices, *told)]


def _turns(raw: bytes) -> object:
    text = raw.decode("utf-8", "replace")
    return turn_files(text), turn_of(text, TurnFiles(41, (26, 2), (26, 3)))


def _memory(raw: bytes) -> object:
    """The state of the alerts as the outbox keeps it, and a look with it."""
    found = alerts_recalled(Alerts("lab", {"VI_1": "10.0.4.99"}), json_of(raw), NOW)
    after, said = step(found, NOW, AlertSnapshot(findings=(), owners={"VI_1": "iam-a"}))
    return remembered(after), [alert_document("1", each) for each in said]


def _outbox(raw: bytes) -> object:
    """Lines of an older version whose checksums fit, taken over and asked what each destination knows."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "outbox.jsonl"
        path.write_bytes(b"".join(b"%08x %s\n" % (zlib.crc32(line), line) for line in raw.splitlines()))
        box = Outbox(path.with_suffix(".db"), read_only=True)
        return [(box.knows(to), box.first_for(to), box.lost(to)) for to in ("ops", "x")], line_records(path)


SERVICES = tuple(
    json.dumps(
        {"MESSAGE": f"2026-11-30 00:10:37.000\tERROR\tx.go:8\t{text}", "_SYSTEMD_UNIT": "a.service"}
    ).encode()
    for text in ("Error 1290 (HY000): running with the --read-only option", "READONLY You can't write against a")
)
FRAMES = (
    f"motd\n{MARK}(\nactive\n{MARK})0\n".encode(),
    f"{MARK}!\nsh: not found\n{MARK})127\n".encode(),
)
TLS = (b"\x15\x03\x03\0\x02\x02\x28", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x03\x40\0\x0b\0\xff\xff")
KEPT = (
    b"\n==iamops begin now==\n1700000000\n\n==iamops end 0==\n\n==iamops begin init==\n 5000\n\n==iamops end 0==\n"
    b'\n==iamops begin oldest==\n{"__REALTIME_TIMESTAMP":"1699990000000000"}\n\n==iamops end 0==\n'
)
TURNS = (b"12.5\n1: FLOCK  ADVISORY  READ 41 00:1a:2 0 EOF\n", b"iamops-turn 41 26:2 26:3")
_DAMPER = {"told": [1.69e9], "since": 1.69e9, "window_s": 60, "count": 2, "began": 1.69e9, "total": 4}
_CASE = {"code": "unit-down", "node": "iam-a", "severity": "warning", "title": "x", "what": "", "instance": ""}
MEMORY = json.dumps(
    {
        "vips": {"VI_1": {"seen_on": "iam-b", "damper": _DAMPER, "between": ["iam-a"], "split": True}},
        "cases": [_CASE | {"first": 1.69e9, "needs": ["iam-a"], "open": True, "told_as": "warning"}],
        "dampers": [["unit-down", "iam-a", "", _DAMPER]],
        "hush": {"silence": {"since": 1.7e9, "until": 1.7e9, "reason": "x", "by": "y"}, "moves": 1, "cases": 0},
    }
).encode()
_TOLD = alert_document(
    "1", message(NOW, AlertKind.FINDING, Severity.WARNING, "lab", "x", ("y",), code="c", key="c|n|")
)
_HEARD = ["warning", "t", "c", None]
OUTBOX = b"\n".join(
    json.dumps(entry).encode()
    for entry in (
        {
            "put": [],
            "alerts": None,
            "next": 3,
            "lost": {"ops": 1},
            "heard": {"ops": {"k": ["warning", "t", "c", None]}},
        },
        {"put": [{"message": _TOLD, "to": ["ops"]}], "alerts": None, "next": 4},
        {"accepted": "1", "by": "ops"},
    )
)
