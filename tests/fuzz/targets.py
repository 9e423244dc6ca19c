"""Every reader of foreign words, with what it documents to raise."""

from __future__ import annotations

import io
import json
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h11

from iamops.accesslog import format as log_format
from iamops.accesslog.aggregate import tallied
from iamops.accesslog.awk import NotCounted, count_result
from iamops.accesslog.count import FULL, CountQuery, counted
from iamops.accesslog.filter import WhereError, where
from iamops.accesslog.format import FormatError, named_format
from iamops.accesslog.line import access_severity, error_severity, journal_severity, log_text, logged_at
from iamops.accesslog.rotation import listed
from iamops.judge.alerts.silence import silence_of
from iamops.ledger.outbox import entry_of
from iamops.ledger.record import is_whole, record_of
from iamops.model.config import DaemonCheck
from iamops.model.foreign import json_of
from iamops.model.profile import Profile
from iamops.model.text import safe_bytes
from iamops.nodes.config import loaded_times
from iamops.nodes.probes.http import judged
from iamops.nodes.ssh.settings import SettingsError, hop_access
from iamops.parse import answers, inspection, journal
from iamops.parse import host as host_facts
from iamops.parse import host as ip_address
from iamops.parse import host as safety
from iamops.parse.answers import CertificateUnreadable, certificate_of
from iamops.parse.complaints import DATASTORE_ROWS as STORE_ROWS
from iamops.parse.complaints import KEEPALIVED_ROWS, NGINX_ROWS, SYSTEMD_ROWS, Gathering
from iamops.parse.config_files import ArchiveUnreadable, complaints, conf_tree, config_listing, push_records
from iamops.parse.drill.loader import DrillError, parse_drill
from iamops.parse.drill.step import parse_bound
from iamops.parse.host import sections
from iamops.parse.inspection import inspect_journal
from iamops.parse.journal import anchor_line
from iamops.parse.keepalived.conf import keepalived_conf
from iamops.parse.keepalived.dump import DumpUnreadable, data_dump, json_dump, live_config, live_on_disk
from iamops.parse.keepalived.settings import blocks_on_disk, running_blocks, running_settings, settings_of
from iamops.parse.keepalived.vrrp import checks, instances
from iamops.parse.nginx.conf import nginx_conf
from iamops.parse.nginx.routing import answers_itself, upstreams_by_domain
from iamops.parse.profile.edit import BackendEdit, EditRefused, edit_backends
from iamops.parse.profile.loader import ProfileError, parse_profile
from iamops.parse.systemd import exit_of, journal_of, reason_line, unit_change, unit_reports
from iamops.redact.redact import redact
from tests.fuzz import watching
from tests.fuzz.target import Target

TESTS = Path(__file__).parents[1]
FIXTURES = TESTS / "fixtures"
ROOT = TESTS.parent
NGINX, KEEPALIVED = "/etc/nginx/nginx.conf", "/etc/keepalived/keepalived.conf"
SEED_TREE = FIXTURES / "lint" / "seed" / "10.0.4.20" / "etc"


def _text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda raw: read(raw.decode("utf-8", "replace"))


def _seeds(*patterns: str, base: Path = FIXTURES, at_most: int = 8192) -> tuple[bytes, ...]:
    paths = [path for pattern in patterns for path in sorted(base.glob(pattern)) if path.is_file()]
    return tuple(path.read_bytes()[:at_most] for path in paths)


def _profile() -> Profile:
    path = ROOT / "profiles" / "lab.yaml"
    return parse_profile(path.read_text(encoding="utf-8"), path.name)


PROFILE = _profile()
LAB = (ROOT / "profiles" / "lab.yaml").read_bytes()
LINE = (
    b'10.0.4.1 - - [28/Nov/2026:10:00:00 +0000] "GET /v1/users/7?x=1 HTTP/1.1" 200 15 "-" "curl/8" "-" '
    b"host=iam.api.marmotedu.com upstream=10.0.4.20:8080, 10.0.4.21:8080 upstream_status=502, 200 "
    b"request_time=0.012 upstream_time=0.002, 0.010 request_id=0a1b2c\n"
)
FORMATS = (
    b'$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer"',
    b'escape=json {"at":"$time_iso8601","status":$status,"up":"$upstream_addr","t":"$request_time"}',
)


def _keepalived(text: str) -> object:
    reading = keepalived_conf({KEEPALIVED: text})
    found = [settings_of(each) for each in instances(reading)]
    return found, checks(reading), live_on_disk(reading), blocks_on_disk(reading)


def _nginx(text: str) -> object:
    reading = nginx_conf({NGINX: text})
    return upstreams_by_domain(reading, PROFILE.domains, 80), answers_itself(reading, 80)


def _dump(text: str) -> object:
    return data_dump(text), live_config(text), running_settings(text), running_blocks(text)


def _journal(raw: bytes) -> object:
    record = journal.journal_record(raw)
    if record is not None:
        journal.transition(record.message), journal.is_echo(record.message)
        unit_change(record.message), exit_of(record.message)
    return record


def _access_log(raw: bytes) -> object:
    return tallied(counted(RECIPE, raw.splitlines(keepends=True)), RECIPE)


def _counts(raw: bytes) -> object:
    return tallied(count_result(raw.splitlines()).counts, RECIPE)


COUNTS = (
    b"S\t2\t29408760\t200\tGET\tiam.api\t10.0.4.20:8080\t200\nP\t2\t29408760\t200\t/v1\nC\t2\t29408760\t10.0.4.1\n"
    b"R\t2\t29408760\t12\nU\t2\t29408760\t10.0.4.20:8080\t12\nY\t30\t29408760\nA\tabc\nE\t0\t0\t0\t300\n"
)
LOADED = (
    b"now 1700000000.1 5000.2\nId=nginx.service ActiveState=active MainPID=9 "
    b"StateChangeTimestampMonotonic=4000000000 ExecMainStartTimestampMonotonic=400000000 "
    b"wall=1699999000.5 main=400000 main_wall=1699999000 worker=400000\n"
)
RECIPE = CountQuery(named_format("iamops"), FULL)


def _format(text: str) -> object:
    form = log_format.named_format(text)
    recipe = CountQuery(form, FULL)
    return tallied(counted(recipe, LINE.splitlines(keepends=True)), recipe)


def _http(raw: bytes) -> object:
    """As a health probe reads an answer: first the bytes, then what they say."""
    dialogue = h11.Connection(h11.CLIENT, max_incomplete_event_size=65536)
    dialogue.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    dialogue.send(h11.EndOfMessage())
    head, _, body = raw.partition(b"\r\n\r\n")
    dialogue.receive_data(head + b"\r\n\r\n" + body)
    event = dialogue.next_event()
    if isinstance(event, h11.Response):
        return judged(event.status_code, event.headers, body, 1.0)
    return judged(200, [(b"content-type", b"application/json")], body or raw, 1.0)


def _tar(**files: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"etc/nginx/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return made.getvalue()


def _greeting(raw: bytes) -> object:
    size = answers.mariadb_packet_size(raw[:4]) if len(raw) >= 4 else 0
    return size, answers.mariadb_greeting(raw), answers.redis_answer(raw), answers.mongodb_answer(raw)


def _looks(text: str) -> object:
    host = host_facts.load1(text), host_facts.memory_used_pct(text), host_facts.disk_used_pct(text)
    node = inspection.file_stamps(text), inspection.hardware_addresses(text), inspection.neighbours(text)
    return host, host_facts.epoch_s(text), node, inspection.filesystems(text, text)


def _log_lines(raw: bytes) -> object:
    severities = access_severity(raw), error_severity(raw), journal_severity(raw)
    return log_text(raw), severities, logged_at(raw), inspection.inspect_error_log(raw.splitlines(), 0)


COMPLAINTS = (
    '2026/11/24 22:41:00 [error] 5#5: *1 upstream timed out (110: x) while reading, upstream: "http://1.2.3.4:80/"',
    "(VI_1) Master received advert from 10.0.4.66 with higher priority 200, ours 100",
    "iam-pump.service: Start request repeated too quickly.",
)


def _complaints(text: str) -> object:
    gathering = Gathering((*KEEPALIVED_ROWS, *NGINX_ROWS, *SYSTEMD_ROWS, *STORE_ROWS))
    return [gathering.take(0.0, "x", line) for line in text.splitlines()], gathering.complaints


def _edits(text: str) -> object:
    profile = parse_profile(text, "p.yaml")
    return [edit_backends(text, profile, edit, "iam-apiserver", "iam-a") for edit in BackendEdit]


def _checks(text: str) -> object:
    return [complaints(DaemonCheck("iam-a", daemon, 4, text)) for daemon in ("nginx", "keepalived")]


def _record(raw: bytes) -> object:
    record = record_of(raw)
    return None if record is None else is_whole(raw, record)


def _entry(raw: bytes) -> object:
    """Whoever writes the file writes the checksum, too."""
    return entry_of(b"%08x %s" % (zlib.crc32(raw), raw))


def _silence(raw: bytes) -> object:
    return silence_of(json_of(raw))


def _hop(text: str) -> object:
    return hop_access(text)


ANCHOR = json.dumps(
    {
        "MESSAGE": f"run=4312230f ledger={'a' * 16} n=7 head={'b' * 32} place={'c' * 12} x by me from h",
        "_UID": "1000",
        "_SOURCE_REALTIME_TIMESTAMP": "1700000000000000",
    }
).encode()
LEDGER = json.dumps(
    {"n": 1, "at": "2026-11-28T10:00:00Z", "kind": "intent", "run": "a", "prev": "0" * 64}
).encode()
JSON_WORDS = (b"NaN", b"-Infinity", b"1e400", b'"\\ud800"', b"[" * 3000, b'{"a":' * 3000, b'"state"', b"[]", b"{}")

TARGETS: dict[str, Target] = {
    each.name: each
    for each in (
        Target("keepalived.conf", _text(_keepalived), _seeds("lint/seed/*/etc/keepalived/keepalived.conf")),
        Target(
            "nginx.conf",
            _text(_nginx),
            _seeds("lint/seed/*/etc/nginx/nginx.conf", "lint/seed/*/etc/nginx/conf.d/*"),
        ),
        Target("certificate", certificate_of, _seeds("x509/*.der"), (CertificateUnreadable,)),
        Target("keepalived.data", _text(_dump), _seeds("keepalived/*.data", at_most=20_000)),
        Target("keepalived.json", _text(json_dump), _seeds("keepalived/*.json"), (DumpUnreadable,), JSON_WORDS),
        Target("journal line", _journal, _seeds("keepalived/journal.jsonl"), words=JSON_WORDS),
        Target(
            "journal",
            lambda raw: inspect_journal(raw.splitlines(), None),
            _seeds("keepalived/journal*"),
            words=JSON_WORDS,
        ),
        Target(
            "complaints",
            _text(_complaints),
            tuple(line.encode() for line in (*COMPLAINTS, "A thread timer expired 8.76 seconds ago")),
        ),
        *watching.targets(PROFILE, _seeds("keepalived/journal*")),
        Target("access log", _access_log, (LINE * 3,)),
        Target("counts", _counts, (COUNTS,), (NotCounted,)),
        Target(
            "log format", _text(_format), FORMATS, (FormatError,), (b"$status", b"$time_local", b"escape=json ")
        ),
        Target("log expression", _text(where), (b'status>=500 and path~"^/v1" or not host="a"',), (WhereError,)),
        Target(
            "log lines", _log_lines, (LINE, b"2026/11/28 10:00:00 [error] 7#7: *1 no live upstreams, client: x")
        ),
        Target(
            "log files",
            lambda raw: listed(raw.splitlines()),
            (b"12 1024 1700000000.5 /var/log/nginx/access.log.1\n",),
        ),
        Target("profile", _text(lambda text: parse_profile(text, "p.yaml")), (LAB,), (ProfileError,)),
        Target("profile edit", _text(_edits), (LAB,), (ProfileError, EditRefused)),
        Target(
            "drill file",
            _text(lambda text: parse_drill(text, "d.yaml")),
            _seeds("*.yaml", base=ROOT / "console" / "iamops" / "drills"),
            (DrillError,),
        ),
        Target("bound", _text(parse_bound), (b"check.fault + vrrp.skew * 1.2", b"250 ms"), (ValueError,)),
        Target(
            "archive",
            lambda raw: conf_tree("iam-a", raw),
            (_tar(a=b"x" * 600, b=b"events {}"),),
            (ArchiveUnreadable,),
        ),
        Target("pushes", _text(push_records), (b'p1\tconfirmed 1700000000\t{"who": "x"}\n',), words=JSON_WORDS),
        Target(
            "listing",
            lambda raw: config_listing(raw, 6),
            (b"f 1 1700000000.5 1700000000.5 /etc/nginx/nginx.conf\0d 1 1.0 2.0 /etc\0",),
            (ValueError,),
        ),
        Target(
            "load times",
            _text(lambda text: loaded_times(text, "nginx")),
            (LOADED,),
        ),
        Target(
            "daemon check",
            _text(_checks),
            (b"nginx: [emerg] unknown directive in /etc/nginx/nginx.conf:7\n(Line 3) x\n",),
        ),
        Target("units", _text(unit_reports), _seeds("systemd/show.txt")),
        Target(
            "addresses",
            _text(
                lambda text: (
                    ip_address.address_list(text),
                    [ip_address.monitor_line(line) for line in text.splitlines()],
                )
            ),
            _seeds("iproute2/*"),
        ),
        Target(
            "host",
            _text(_looks),
            (
                b"0.52 0.58 0.59 1/467 12345\nMemTotal: 1000 kB\nMemAvailable: 250 kB\n",
                b"overlay 264 22 80 23% /\n",
            ),
        ),
        Target("sections", _text(sections), (b"\n==iamops begin a==\nx\n\n==iamops end 0==\n",)),
        Target(
            "locks and timers",
            _text(lambda text: (safety.safety_report(text, text, text), safety.lock_holder(text.encode()))),
            (b"iamops-dead-man-nginx.timer loaded active waiting\n", b'{"who": "x", "run": "a"}'),
        ),
        Target(
            "greeting",
            _greeting,
            (b"+PONG\r\n", b"-NOAUTH x\r\n", b"\x4a\0\0\0\x0a8.0.1\0", b"\x10\0\0\0" + b"\0" * 12),
        ),
        Target(
            "http answer",
            _http,
            (b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"status":"ok"}',),
            (h11.RemoteProtocolError,),
            JSON_WORDS,
        ),
        Target(
            "start reasons",
            _text(lambda text: (reason_line(text.splitlines()), journal_of(text))),
            _seeds("start/*.txt"),
        ),
        Target(
            "redaction",
            redact,
            (b'password=hunter2hunter2 "token": "abcdefabcdef" curl -u a:b postgres://u:p@h/d\n', LINE),
        ),
        Target("safe text", safe_bytes, ("a\u202eb\x1b[2J".encode(),)),
        Target("outbox entry", _entry, (b'{"next": 3, "lost": {"ops": 1}}',), (ValueError,), JSON_WORDS),
        Target(
            "silence",
            _silence,
            (b'{"since": 1700000000, "until": 1700000600, "reason": "x", "by": "y"}',),
            (ValueError, TypeError, KeyError, RecursionError),
            JSON_WORDS,
        ),
        Target("jump host", _text(_hop), (b"ssh://ops@[fe80::1]:22", b"jump"), (SettingsError,)),
        Target("anchor line", anchor_line, (ANCHOR,), words=JSON_WORDS),
        Target("audit record", _record, (LEDGER,), words=JSON_WORDS),
    )
}
