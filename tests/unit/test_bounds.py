"""docs/bounds.md: every number in its table is the code's, and what is more than it is fed and costs one value."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from iamops.accesslog.format import MOST_VARIABLES, FormatError, named_format
from iamops.accesslog.values import VALUE_MAX, pattern_of
from iamops.judge.triage.timeline import merged
from iamops.ledger.watch_directory import SILENCE_BYTES, WatchDirectory
from iamops.model.events import RequestsCounted
from iamops.model.facts import ProbeOutcome, RequestCount
from iamops.model.foreign import DIGITS, real, whole
from iamops.model.journal import TimelineEvent, TimelineEventKind
from iamops.model.reduce import SAMPLES_KEPT, reduce
from iamops.model.state import ClusterState
from iamops.model.text import MAX_CHARS, MOST_MARKS, safe
from iamops.nodes.logs.tail import LINES_PER_S, Quota
from iamops.nodes.probes.http import ANSWER_BYTES, INTERIM_MOST, MAX_BODY, HttpRequest, HttpResponse
from iamops.nodes.ssh.channels import ERRORS_LIMIT, OUTPUT_LIMIT, ChannelOutput
from iamops.nodes.ssh.command_line import Frame
from iamops.parse.config_files import MAX_PUSHES, push_records
from iamops.parse.host import WORD_LIMIT, safety_report
from iamops.parse.keepalived.conf import HOME, keepalived_conf
from iamops.parse.nginx.conf import HOME as NGINX
from iamops.parse.nginx.conf import MAX_READS, nginx_conf
from iamops.parse.yaml_tree import MAX_CHARS as PROFILE_CHARS
from iamops.parse.yaml_tree import MAX_DEPTH, read_tree
from iamops.session.triage.timeline import HAPPENINGS_MAX
from iamops.session.user_files import MOST_BYTES, own_text
from iamops.session.watch.urls import FILE_BYTES, AlertUrlsRefused, destinations
from tests.support.profiles import pair

ROOT = Path(__file__).parents[2]
UNITS = {"": 1, "s": 1, "KiB": 1024, "MiB": 1024 * 1024}
ROW = re.compile(
    r"\| (?P<what>[^|]+) \| (?P<number>[0-9.]+) ?(?P<unit>s|KiB|MiB|) \| (?P<file>\S+) (?P<name>[A-Z_]+) \|"
)


def rows() -> list[tuple[str, float, str, str, list[str]]]:
    """What, number, file and constant, and the words of the last cell: a file of tests and a test."""
    found = []
    for line in (ROOT / "docs" / "bounds.md").read_text(encoding="utf-8").splitlines():
        if (row := ROW.match(line)) is not None:
            number = float(row["number"]) * UNITS[row["unit"]]
            found.append((row["what"], number, row["file"], row["name"], line.split("|")[-2].split()))
    return found


def test_every_number_of_the_table_is_the_codes():
    table = rows()
    assert len(table) > 45
    for what, number, file, name, _ in table:
        module = importlib.import_module(f"iamops.{file.removesuffix('.py').replace('/', '.')}")
        assert getattr(module, name) == number, what


def test_every_row_names_a_test_that_feeds_more():
    for what, _, file, name, (tests, *named) in rows():
        if tests == "test_bounds.py":
            assert (file, name) in FED.keys() | ON_DISK.keys(), what
            continue
        text = (ROOT / "tests" / "unit" / tests).read_text(encoding="utf-8")
        assert re.search(rf"^(async )?def {named[0]}\(", text, re.MULTILINE), what


# --- more than the bound, where no other test feeds it ---


def output() -> None:
    told = ChannelOutput(lambda error: AssertionError(), Frame())
    for _ in range(OUTPUT_LIMIT // 65536 + 1):
        told.data_received(b"x" * 65536, None)
    assert told.overflow


def errors() -> None:
    told = ChannelOutput(lambda error: AssertionError(), Frame())
    for _ in range(ERRORS_LIMIT // 1000 + 2):
        told.data_received(b"x" * 1000, 1)
    assert len(told.errors) == ERRORS_LIMIT


def answered(*chunks: bytes) -> ProbeOutcome | None:
    answer = HttpResponse(HttpRequest("x", "/"))
    reports = (answer.add(chunk, 1.0) for chunk in chunks)
    report = next((report for report in reports if report is not None), None)
    return None if report is None else report.outcome


def whole_answer() -> None:
    chunk = b"1;" + b"x" * 16_000 + b"\r\na\r\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert answered(head, *[chunk] * (ANSWER_BYTES // len(chunk) + 1)) is ProbeOutcome.BAD_ANSWER


def head_and_body() -> None:
    assert answered(b"HTTP/1.1 200 OK\r\n", b"X: " + b"x" * (MAX_BODY + 1)) is ProbeOutcome.BAD_ANSWER
    assert answered(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * (MAX_BODY - 1)) is None
    assert answered(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * MAX_BODY) is ProbeOutcome.OK


def interim() -> None:
    more = b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answered(more * INTERIM_MOST) is None
    assert answered(more * (INTERIM_MOST + 1)) is ProbeOutcome.BAD_ANSWER


def log_lines() -> None:
    quota = Quota()
    assert sum(quota.allows(1.0) for _ in range(2 * int(LINES_PER_S))) == LINES_PER_S


def samples() -> None:
    state = ClusterState.of(pair())
    for number in range(SAMPLES_KEPT + 10):
        state = reduce(state, RequestsCounted(float(number), "iam-a", RequestCount(number)))
    assert len(state.nodes["iam-a"].samples) == SAMPLES_KEPT


def happenings() -> None:
    each = [TimelineEvent(float(n), TimelineEventKind.UNIT, str(n), "journal") for n in range(HAPPENINGS_MAX + 3)]
    found, older = merged(each, 0.0, HAPPENINGS_MAX)
    assert (len(found), older) == (HAPPENINGS_MAX, 3)


def values() -> None:
    assert len(pattern_of("/" + "a" * 10 * VALUE_MAX)) <= VALUE_MAX


def variables() -> None:
    with pytest.raises(FormatError):
        named_format(" ".join(["$status"] * (MOST_VARIABLES + 1)))


def digits() -> None:
    for read in (whole, real):
        assert read("9" * DIGITS) is not None
        assert read("9" * (DIGITS + 1)) is None


def characters() -> None:
    assert len(safe("x" * 10 * MAX_CHARS)) < MAX_CHARS + 100


def marks() -> None:
    assert safe("e" + "\u0301" * 100).count("\u0301") <= MOST_MARKS


def lock_words() -> None:
    track = "/run/iamops-priority." + "x" * 10 * WORD_LIMIT
    (name,) = safety_report("", "", f"{track}\n").track_files
    assert len(name) < WORD_LIMIT + 40


def pushes() -> None:
    lines = (f"{number}\tkept 1 2\t{{}}" for number in range(MAX_PUSHES + 50))
    assert len(push_records("\n".join(lines))) == MAX_PUSHES


def nested_nginx() -> None:
    reading = nginx_conf({f"{NGINX}/nginx.conf": "server {\n" * 5000})
    assert any("nested too deep" in mistake.message for mistake in reading.mistakes)


def nested_keepalived() -> None:
    files = {f"{HOME}/{n}.conf": f"include {n + 1}.conf\n" for n in range(100)}
    reading = keepalived_conf(files | {f"{HOME}/keepalived.conf": "include 0.conf\n"})
    assert any("more includes than can be read" in mistake.message for mistake in reading.mistakes)
    keepalived_conf({f"{HOME}/keepalived.conf": "a {\n" * 5000})


def included() -> None:
    files = {f"{NGINX}/conf.d/{n}.conf": "" for n in range(MAX_READS + 10)}
    reading = nginx_conf(files | {f"{NGINX}/nginx.conf": "http {\n include conf.d/*.conf;\n}\n"})
    assert any("more includes than can be read" in mistake.message for mistake in reading.mistakes)


def profile_characters() -> None:
    (problem, *_) = read_tree("a: " + "x" * PROFILE_CHARS, "p.yaml").problems
    assert "at most" in str(problem)


def profile_levels() -> None:
    (problem, *_) = read_tree("a: " + "[" * (MAX_DEPTH + 5), "p.yaml").problems
    assert "levels deep" in str(problem)


def own_file(path: Path) -> None:
    file = path / "p.yaml"
    file.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(OSError, match="more than"):
        own_text(file)


def alert_urls(path: Path) -> None:
    file = path / "urls"
    file.write_text("mailto://a\n" + "#" * FILE_BYTES, encoding="utf-8")
    file.chmod(0o600)
    with pytest.raises(AlertUrlsRefused, match="more than 256 KiB"):
        destinations(file)


def silence(path: Path) -> None:
    directory = WatchDirectory(path / "watch")
    directory.make()
    (directory.path / "silence.json").write_text(" " * SILENCE_BYTES + "{}", encoding="utf-8")
    held, why = directory.silence(1.0)
    assert held is None
    assert "no silence" in why


ON_DISK: dict[tuple[str, str], Callable[[Path], None]] = {
    ("session/user_files.py", "MOST_BYTES"): own_file,
    ("session/watch/urls.py", "FILE_BYTES"): alert_urls,
    ("ledger/watch_directory.py", "SILENCE_BYTES"): silence,
}
FED: dict[tuple[str, str], Callable[[], None]] = {
    ("nodes/ssh/channels.py", "OUTPUT_LIMIT"): output,
    ("nodes/ssh/channels.py", "ERRORS_LIMIT"): errors,
    ("nodes/probes/http.py", "ANSWER_BYTES"): whole_answer,
    ("nodes/probes/http.py", "MAX_BODY"): head_and_body,
    ("nodes/probes/http.py", "INTERIM_MOST"): interim,
    ("nodes/logs/tail.py", "LINES_PER_S"): log_lines,
    ("model/reduce.py", "SAMPLES_KEPT"): samples,
    ("session/triage/timeline.py", "HAPPENINGS_MAX"): happenings,
    ("accesslog/values.py", "VALUE_MAX"): values,
    ("accesslog/format.py", "MOST_VARIABLES"): variables,
    ("model/foreign.py", "DIGITS"): digits,
    ("model/text.py", "MAX_CHARS"): characters,
    ("model/text.py", "MOST_MARKS"): marks,
    ("parse/host.py", "WORD_LIMIT"): lock_words,
    ("parse/config_files.py", "MAX_PUSHES"): pushes,
    ("parse/nginx/conf.py", "MAX_DEPTH"): nested_nginx,
    ("parse/keepalived/conf.py", "MAX_DEPTH"): nested_keepalived,
    ("parse/nginx/conf.py", "MAX_READS"): included,
    ("parse/yaml_tree.py", "MAX_CHARS"): profile_characters,
    ("parse/yaml_tree.py", "MAX_DEPTH"): profile_levels,
}


@pytest.mark.parametrize("name", FED, ids=lambda name: name[1])
def test_more_than_the_bound_is_told_cut_or_refused(name: tuple[str, str]):
    FED[name]()


@pytest.mark.parametrize("name", ON_DISK, ids=lambda name: name[1])
def test_more_than_the_bound_on_this_machines_disk_is_refused(name: tuple[str, str], tmp_path: Path):
    ON_DISK[name](tmp_path)
