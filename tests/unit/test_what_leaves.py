"""Secrets are planted where they come from, and what leaves the house is looked at: none may be in it.

One test for each way out. Each gets the texts of `tests/support/planted.py`, or as many as it takes.
"""

from __future__ import annotations

import ast
import asyncio
import base64
import html
import json
import os
import shlex
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

import iamops
from iamops.accesslog.aggregate import tallied
from iamops.accesslog.count import Columns, CountQuery, counted
from iamops.accesslog.format import named_format
from iamops.accesslog.line import log_text
from iamops.cli.errors import explain
from iamops.judge.alerts.message import AlertKind, message
from iamops.ledger.audit import Audit
from iamops.ledger.outbox import Outbox
from iamops.ledger.watch_directory import WatchDirectory
from iamops.model.facts import Severity
from iamops.model.state import ClusterState
from iamops.nodes.ssh import trust
from iamops.parse.journal import journal_records
from iamops.plan.config.change import FileChange
from iamops.plan.config.diff import diff_lines, side_by_side
from iamops.plan.start_failure import StartFailureQuery
from iamops.plan.steps import command_line
from iamops.redact.clean import clean_bytes, clean_document, clean_text
from iamops.redact.detectors.lines import LineRedactor
from iamops.redact.known import learn
from iamops.redact.redact import redact
from iamops.session import logs
from iamops.session.logs import LogTap
from iamops.session.profiles import load_profile
from iamops.session.store import Store
from iamops.session.user_files import private_directory, write_private
from iamops.session.watch.urls import destinations
from iamops.tui.app.shutdown import save
from tests.support.bundles import FakeNode, bundled, files_of
from tests.support.harmless import harmless
from tests.support.log_samples import JOURNAL, NOW, OF_ACCESS, TAIL, ZONE
from tests.support.planted import COUNT, SHAPES, Planted, as_journal, planted
from tests.support.profiles import pair
from tests.support.transport import ScriptedTransport, Stream

ROOT = Path(iamops.__file__).parent


def leaks(texts: Iterable[Planted], left: str) -> list[str]:
    return [each.text for each in texts if each.leaks_in(left)]


# --- the corpora themselves ---


def test_the_corpora_are_as_large_as_they_say_and_of_many_kinds():
    assert len(planted()) == COUNT >= 400
    assert len(set(SHAPES)) == len(SHAPES) >= 340
    assert len(set(harmless())) >= 400
    assert all(each.leaks_in(each.text) for each in planted())


@pytest.mark.parametrize("seed", range(1, 6))
def test_no_planted_secret_is_left(seed: int):
    left = [redact(each.text.encode()).text.decode() for each in planted(seed)]
    assert [text for each, text in zip(planted(seed), left, strict=True) if each.leaks_in(text)] == []


@pytest.mark.parametrize("seed", range(1, 6))
def test_no_harmless_line_is_changed(seed: int):
    assert [each for each in harmless(seed) if redact(each.encode()).text != each.encode()] == []
    assert redact("\n".join(harmless(seed)).encode()).redactions == ()


@pytest.mark.parametrize("seed", range(1, 3))
def test_a_text_that_is_looked_at_again_stays_as_it_is(seed: int):
    """A journal's lines are looked at when they come in, and again in a bundle: a mark gives nothing away."""
    for each in planted(seed):
        clean = redact(each.text.encode()).text
        assert redact(clean).text == clean, each.text


def test_a_mark_is_the_name_of_no_section():
    below = b"mode [redacted password]\nkey: name\nvalue: colin\n"
    assert redact(below).text == below


def test_names_of_secrets_that_stand_in_a_list_are_looked_for_below_them_line_by_line():
    lines = LineRedactor()
    several = ["a: b", "password = FAKE1one", "secret = FAKE2two", "psk = FAKE3three", "tokens:", "- name: a"]
    left = b"\n".join(lines.of(each.encode()) for each in [*several, "  value: FAKEfour4"])
    assert b"FAKE" not in left


def test_no_harmless_line_is_changed_when_lines_come_one_by_one():
    entries = [entry for each in harmless() for entry in as_journal(each)]
    assert [record.message for record in journal_records(entries)] == [
        each.replace("\t", " ") for each in harmless()
    ]


# --- the ways out ---


async def test_the_bundle(tmp_path: Path):
    texts = planted()
    words = "\n".join(each.text for each in texts).encode()
    named = {"etc/nginx/conf.d/iam.conf": words, "etc/iam/iam-apiserver.yaml": words}
    nodes = {name: FakeNode(name, says=words + b"\n", files=named) for name in ("iam-a", "iam-b")}
    fencing = ["ipmitool", "-U", "admin", "-P", "FAKEfencing99x", "power", "off"]
    profile = pair(fencing={"power-off": fencing})
    Audit(tmp_path / "audit.jsonl").append("intent", {"reason": "typed mysql -pFAKEtyped12x"})
    status = {"notes": [each.text for each in texts]}
    await bundled(tmp_path / "b.tgz", nodes, profile=profile, status=status)
    for name, content in files_of(tmp_path / "b.tgz").items():
        told = content.decode("utf-8", "replace")
        assert leaks(texts, told) == [], name
        assert "FAKEfencing99x" not in told, name
        assert "FAKEtyped12x" not in told, name


async def test_the_logs_view(monkeypatch: pytest.MonkeyPatch):
    texts = planted()
    monkeypatch.setattr(logs, "LINK_EVERY_S", 0.01)
    monkeypatch.setattr(logs, "MORE_KEPT", 1_000_000)
    tap = tapped(texts)
    end = tap.watch(lambda: None)
    await told_all(tap, 2 * COUNT)
    left = "\n".join(text for line in tap.page().lines for text in (line.text, *line.more))
    end()
    await tap.stop()
    assert left.count("[redacted ") > COUNT
    assert leaks(texts, left) == []


def tapped(texts: Iterable[Planted]) -> LogTap:
    """A tap on one node, whose access log holds the single lines and whose journal holds everything."""
    several = list(texts)
    single = [each.text.encode() for each in several if "\n" not in each.text]
    entries = [entry for each in several for entry in as_journal(each.text, at=int(NOW))]
    tail = Stream(TAIL, (OF_ACCESS, *single), stays=True, always=True)
    transport = ScriptedTransport("iam-a", ZONE, tail, Stream(JOURNAL, tuple(entries), stays=True, always=True))
    return LogTap(pair(), {"iam-a": transport}.get, Store(ClusterState.of(pair())), lambda: NOW, linger_s=0.05)


async def told_all(tap: LogTap, lines: int) -> None:
    async with asyncio.timeout(20):
        while sum(1 + len(line.more) for line in tap.page().lines) < lines:  # noqa: ASYNC110 - two readers, and no event tells that both are done
            await asyncio.sleep(0.01)


def test_alerts_and_the_file_they_wait_in(tmp_path: Path):
    texts = planted()
    outbox = Outbox(tmp_path / "outbox.db")
    said = [
        message(NOW, AlertKind.FINDING, Severity.CRITICAL, "lab", each.text, (each.text, f"iam-a: {each.text}"))
        for each in texts
        if "\n" not in each.text
    ]
    parcels = outbox.put(said, ["exec"])
    assert leaks(texts, json.dumps([each.document for each in parcels])) == []
    files = [file.read_bytes().decode("utf-8", "replace") for file in tmp_path.iterdir()]
    assert any("outbox" not in text and "critical" in text for text in files)
    assert leaks(texts, "".join(files)) == []


def test_the_audit(tmp_path: Path):
    texts = planted()
    audit = Audit(tmp_path / "audit.jsonl", clock=lambda: NOW)
    argv = ["ipmitool", "-I", "lanplus", "-U", "admin", "-P", "FAKEfencing99x", "power", "off"]
    undo = {"argv": ["fence_ilo", "-p", "FAKEundo77x"]}
    audit.append("intent", {"plan": {"steps": [{"argv": argv, "undo": undo}]}})
    for each in texts:
        audit.append("outcome", {"sentence": f"iam-apiserver does not start: {each.text}", "notes": [each.text]})
    left = (tmp_path / "audit.jsonl").read_text()
    assert leaks(texts, left) == []
    assert "FAKEfencing99x" not in left
    assert "FAKEundo77x" not in left
    assert '"-U","admin","-P","[redacted password]","power"' in left


def test_a_document_keeps_its_keys_and_its_shape():
    argv = ["mysql", "-pFAKE12345x", 3, None]
    document = {"token": {"type": "bearer", "n": 3}, "argv": argv, "password": "FAKEx1"}
    assert clean_document(document) == {
        "token": {"type": "bearer", "n": 3},
        "argv": ["mysql", "-p[redacted password]", 3, None],
        "password": "[redacted password]",
    }
    assert clean_document({"plan": [1, "a"]}) == {"plan": [1, "a"]}


def test_the_reason_of_a_unit_that_does_not_start():
    for each in planted():
        entries = "\n".join(f"1795600000.1 iam-apiserver[7]: {line}" for line in reversed(each.text.split("\n")))
        words = StartFailureQuery("iam-a", "iam-apiserver", 9.0)
        for log in (each.text, ""):
            answer = f"NRestarts=3\nExecMainCode=1\nExecMainStatus=1\n==log\n{log}\n==journal\n{entries}\n"
            assert not each.leaks_in(words.reason(answer)), each.text


def test_the_difference_between_files():
    for each in planted():
        change = FileChange("/etc/nginx/conf.d/iam.conf", f"# old\n{each.text}\n", "# new\n")
        left = "\n".join(diff_lines(change, "iam-a")) + repr(list(side_by_side(change)))
        assert not each.leaks_in(left), each.text


def test_a_secret_that_changes_is_still_seen_to_change():
    old, new = (f'proxy_set_header X-Api-Key "FAKE{each}";\n' for each in ("aaaa1111", "bbbb2222"))
    shown = diff_lines(FileChange("/etc/nginx/nginx.conf", old, new), "iam-a")
    assert '-proxy_set_header X-Api-Key "[redacted api_key, old]";' in shown
    assert '+proxy_set_header X-Api-Key "[redacted api_key, new]";' in shown


def test_a_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("IAMOPS_DEBUG", "1")
    texts = planted()
    for each in texts:
        try:
            raise RuntimeError(each.text)
        except RuntimeError as error:
            told, _ = explain(error)
        assert not each.leaks_in(told + capsys.readouterr().err), each.text


async def test_an_exported_screen_is_for_its_owner_alone_and_holds_no_secret(tmp_path: Path):
    texts = planted()
    told = [log_text(each.text.encode()) for each in texts if "\n" not in each.text]
    old = os.umask(0)
    try:
        assert save(html.escape("\n".join(told)), tmp_path / "screen.svg") is None
    finally:
        os.umask(old)
    assert (tmp_path / "screen.svg").stat().st_mode & 0o777 == 0o600
    assert leaks([each for each in texts if "\n" not in each.text], (tmp_path / "screen.svg").read_text()) == []


def test_a_plan_shows_its_commands_without_their_secrets():
    argv = ("ipmitool", "-H", "10.0.4.9", "-U", "admin", "-P", "FAKEfencing99x", "power", "off")
    assert command_line(argv) == "ipmitool -H 10.0.4.9 -U admin -P [redacted password] power off"


def test_words_that_are_cut_are_cut_after_their_secrets_were_taken_out():
    line = "x" * 60 + " password=FAKE" + "a1" * 3000
    for limit in range(60, 90):
        assert "FAKE" not in clean_text(line, limit)
        assert "FAKE" not in clean_bytes(line.encode(), limit)


# --- what the profile and the alert URLs give ---


def test_a_profile_that_is_loaded_makes_its_secrets_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    text = (ROOT.parents[1] / "profiles" / "lab.yaml").read_text()
    assert "from_env: IAMOPS_VRRP_AUTH" in text or "from_file" in text
    monkeypatch.setenv("IAMOPS_VRRP_AUTH", "Fake/Pw &1")
    (tmp_path / "own.yaml").write_text(text)
    load_profile(str(tmp_path / "own.yaml"))
    if "from_env: IAMOPS_VRRP_AUTH" in text:
        assert redact(b"heard Fake/Pw &1 there").text == b"heard [redacted known] there"


def forms(secret: str) -> Iterator[str]:
    yield from (secret, quote(secret, safe=""), quote_plus(secret), quote(quote(secret, safe=""), safe=""))
    yield from (json.dumps(secret), json.dumps(json.dumps(secret)), shlex.quote(secret), repr(secret))
    yield html.escape(secret)
    yield json.dumps(secret).replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")
    yield json.dumps(secret).replace("/", r"\/")
    yield "'" + secret.replace("'", "''") + "'"
    for around in ("", "x", "xy"):
        yield base64.b64encode(f"{around}{secret}:tail".encode()).decode()
        yield base64.urlsafe_b64encode(f"{around}{secret}:tail".encode()).decode()
    yield secret.encode().hex()


@pytest.mark.parametrize("secret", ["FAKE/pw &<1>", "FAKE'it\"s\\one", "fakelettersonly", "FAKE pass-wort.ü9"])
def test_what_was_learned_is_found_in_every_way_of_writing_it(secret: str):
    learn((secret,))
    for form in forms(secret):
        left = redact(f"the peer said <{form}> and left".encode()).text.decode()
        assert "[redacted" in left, form
        assert form.strip("'\"") not in left, form


def test_tokens_of_alert_urls_are_known_and_their_users_and_hosts_are_not():
    destinations(None, "mailto://alice:FAKEpass12@smtp.example.com tgram://123456:FAKEtoken99/room")
    left = redact(b"alice at smtp.example.com: FAKEpass12 and FAKEtoken99").text
    assert left == b"alice at smtp.example.com: [redacted known] and [redacted known]"


# --- files ---


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_private_file_is_private_under_any_umask_and_becomes_so(tmp_path: Path, umask: int):
    (tmp_path / "there.txt").write_text("old and longer")
    (tmp_path / "there.txt").chmod(0o644)
    old = os.umask(umask)
    try:
        for name in ("new.txt", "there.txt"):
            write_private(tmp_path / name, "text")
            assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
            assert (tmp_path / name).read_text() == "text"
    finally:
        os.umask(old)


def test_whoever_has_the_old_file_open_does_not_read_the_new_words(tmp_path: Path):
    """It was for everybody, or had a second name: what was opened then stays what it was."""
    for name in ("wide", "linked"):
        (tmp_path / name).write_text("old")
        (tmp_path / name).chmod(0o644 if name == "wide" else 0o600)
    (tmp_path / "second").hardlink_to(tmp_path / "linked")
    with (tmp_path / "wide").open() as wide, (tmp_path / "second").open() as second:
        for name in ("wide", "linked"):
            write_private(tmp_path / name, "FAKEnew12x")
            assert (tmp_path / name).read_text() == "FAKEnew12x"
        assert (wide.read(), second.read()) == ("old", "old")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_that_another_user_put_there_gets_no_words_of_ours(tmp_path: Path):
    (tmp_path / "report.md").write_text("old")
    os.chown(tmp_path / "report.md", 4242, 4242)
    with pytest.raises(OSError, match="belongs to another user"):
        write_private(tmp_path / "report.md", "FAKEnew12x")
    assert (tmp_path / "report.md").read_text() == "old"


def test_what_the_process_was_given_open_is_written_to_as_it_is(tmp_path: Path):
    with (tmp_path / "out").open("w") as out:
        (tmp_path / "out").chmod(0o644)
        write_private(Path(f"/dev/fd/{out.fileno()}"), "text")
    assert (tmp_path / "out").read_text() == "text"


def _watch(path: Path) -> None:
    WatchDirectory(path).make()


MAKE_DIRECTORIES: dict[str, Callable[[Path], object]] = {
    "private": private_directory,
    "audit": lambda path: Audit(path / "audit.jsonl").append("intent", {}),
    "watch": _watch,
    "trust": lambda path: trust._prepare_directory(path / "known_hosts"),
}


@pytest.mark.parametrize("maker", MAKE_DIRECTORIES)
def test_every_directory_that_is_made_is_for_its_owner_alone_and_so_are_those_above_it(tmp_path: Path, maker: str):
    old = os.umask(0)
    try:
        MAKE_DIRECTORIES[maker](tmp_path / "upper" / "middle" / "own")
    finally:
        os.umask(old)
    made = ("upper", "upper/middle", "upper/middle/own")
    assert [(tmp_path / each).stat().st_mode & 0o777 for each in made] == [0o700] * 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a link away")
def test_a_link_that_another_user_put_there_is_not_followed(tmp_path: Path):
    (tmp_path / "real").mkdir()
    for name in ("theirs", "ours"):
        (tmp_path / name).symlink_to(tmp_path / "real")
    os.chown(tmp_path / "theirs", 4242, 4242, follow_symlinks=False)
    write_private(tmp_path / "ours" / "x", "text")
    with pytest.raises(OSError, match="another user's link"):
        write_private(tmp_path / "theirs" / "x", "text")


# --- one edge ---

# The edges where text leaves, which clean once more; and those that are the one redaction, or call it themselves.
AROUND = (
    *("cli/", "tui/", "report/", "plan/config/diff.py"),
    *("model/text.py", "redact/clean.py", "accesslog/line.py", "parse/journal.py"),
)


# What of `model/text.py` makes foreign words harmless and leaves their secrets in: for the ends of the house,
# where a second look costs time and the text was looked at when it came in.
HARMLESS = {"safe", "safe_bytes", "safe_lines", "one_line", "is_safe", "thinned"}


def test_nobody_takes_foreign_words_in_but_through_the_one_redaction():
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        name = str(path.relative_to(ROOT))
        if name.startswith(AROUND):
            continue
        imports = (each for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.ImportFrom))
        texts = (each for each in imports if each.module == "iamops.model.text")
        found += [name for each in texts if HARMLESS & {alias.name for alias in each.names}]
    assert found == []


def test_every_command_that_is_shown_is_shown_without_its_secrets():
    """`argv` becomes text in one place."""
    for path in [*(ROOT / "cli").rglob("*.py"), *(ROOT / "tui").rglob("*.py")]:
        assert "shlex.join(" not in path.read_text(), path


def test_the_paths_of_requests():
    recipe = CountQuery(named_format("main"), Columns.TIME | Columns.PATHS)
    request = '10.0.4.1 - - [24/Nov/2026:17:46:29 +0000] "GET %s HTTP/1.1" 200 612 "-" "curl" "-"'
    lines = [request % "/users/reset-password/FAKEa1b2c3d4", request % "/v1/users/colin"]
    tables = tallied(counted(recipe, [line.encode() for line in lines]), recipe)
    left = repr(tables)
    assert "FAKE" not in left
    assert "/v1/users/colin" in left
