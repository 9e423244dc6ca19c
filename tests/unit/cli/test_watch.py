"""`iamops watch` as a command line: what it refuses and why, its silence, its status, its trial."""

from __future__ import annotations

import json
import re
import shlex
from argparse import Namespace
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from iamops.cli.main import main, parser
from iamops.cli.watch import run as watch_session
from iamops.judge.alerts.message import AlertKind, message
from iamops.ledger.outbox import Outbox
from iamops.ledger.watch_directory import WatchDirectory
from iamops.model.facts import Severity
from iamops.model.profile import Profile
from tests.support.sinks import Webhook


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


class Shell:
    """Command lines in this process, with a state directory of their own."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        self.state = directory / "state" / "iamops" / "watch" / "lab"
        monkeypatch.setenv("XDG_STATE_HOME", str(directory / "state"))
        monkeypatch.delenv("IAMOPS_ALERT_URLS", raising=False)

    def run(self, *argv: str) -> Done:
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            try:
                code = main(["--profile", "lab", "watch", *argv])
            except SystemExit as end:
                code = int(str(end.code))
        return Done(code, out.getvalue(), err.getvalue())

    def urls(self, *lines: str, mode: int = 0o600) -> str:
        path = self.directory / "urls"
        path.write_text("\n".join(lines))
        path.chmod(mode)
        return str(path)

    def document(self, *argv: str) -> Any:
        return json.loads(self.run(*argv).stdout)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, monkeypatch)


def refused(done: Done, code: int, words: str) -> bool:
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout == ""


def test_nobody_to_tell_is_a_usage_error(shell: Shell):
    assert refused(shell.run(), 2, "nobody to tell: put URLs into IAMOPS_ALERT_URLS")


def test_a_file_that_others_can_read_is_refused(shell: Shell):
    path = shell.urls("json://127.0.0.1:1/secret-path", mode=0o644)
    done = shell.run("--to-file", path)
    assert refused(done, 2, f"fix: chmod 600 {path}")
    assert "secret-" not in done.stderr


def test_a_url_that_apprise_does_not_know_is_refused_by_its_line(shell: Shell):
    done = shell.run("--to-file", shell.urls("", "nosuch://secret"))
    assert refused(done, 2, "urls:2: Apprise cannot use this nosuch:// URL")
    assert "secret" not in done.stderr


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--heartbeat", "https://hc.example.com/secret"], "does not belong on a command line"),
        (["--flap", "0/60s"], "3/60s"),
        (["--remind", "soon"], "30s, 15m"),
        (["--metrics", "9100"], "127.0.0.1:PORT"),
        (["silence", "8d", "--reason", "x"], "7d at most"),
        (["silence", "2h"], "--reason"),
        (["silence"], "expected DURATION"),
        (["silence", "2h", "--reason", "x", "--end"], "expected DURATION"),
        (["test"], "no destination"),
        (["--metrics", "0.0.0.0:9100", "--json"], "loopback"),
        (["--metrics", "0.0.0.0:9100"], "loopback"),
        (["--metrics", "127.0.0.1:99999"], "99999 is no port"),
        (["--metrics", "127.0.0.1:0", "--once"], "nobody to tell"),
        (["--metrics-host", "iamops.example.com", "--json"], "--metrics-host goes with --metrics"),
    ],
)
def test_bad_input_is_a_sentence(shell: Shell, argv: list[str], words: str):
    assert refused(shell.run(*argv), 2, words)


def test_a_second_watch_is_refused(shell: Shell):
    with WatchDirectory(shell.state).held():
        assert refused(shell.run("--json"), 3, "another watch runs")


def test_a_silence_begins_shows_and_ends(shell: Shell):
    begun = shell.run("silence", "30m", "--reason", "new disks\x1b[31m")
    assert begun.returncode == 0
    assert "held back for 30 min, until 20" in begun.stdout
    assert "no watch is running" in begun.stderr
    held = shell.document("status", "--json")["silence"]
    assert held["reason"] == "new disks\\x1b[31m"
    assert held["until"] - held["since"] == 1800
    assert shell.run("silence", "--end").stdout == "lab: the silence is over\n"
    assert shell.run("silence", "--end").stdout == "lab: there was no silence\n"
    assert shell.document("status", "--json")["silence"] is None


def test_status_says_what_is_open_and_what_waits(shell: Shell):
    assert shell.document("status", "--json")["running"] is False
    directory = WatchDirectory(shell.state)
    case = {"code": "unit-down", "node": "iam-a", "severity": "warning", "title": "iam-pump is inactive"}
    case |= {"first": 1_700_000_000.0, "needs": ["iam-a"], "open": True, "told_as": "warning"}
    kept = {"vips": {"VI_1": {"seen_on": "iam-b"}}, "cases": [case], "dampers": [], "hush": None}
    said = message(1_700_000_000.0, AlertKind.VIP_MOVE, Severity.CRITICAL, "lab", "VIP moved")
    with directory.held():
        Outbox(directory.outbox).put([said], ["mail"], kept)
        document = shell.document("status", "--json")
        text = shell.run("status").stdout
    assert document["running"] is True
    assert document["undelivered"] == 1
    assert document["vip"] == {"VI_1": "iam-b"}
    assert document["open"][0]["code"] == "unit-down"
    assert "open         [warning] iam-pump is inactive" in text
    assert "undelivered  1" in text


def test_a_trial_says_for_each_destination_whether_it_accepted(shell: Shell):
    with Webhook() as good, Webhook(status=500) as bad:
        path = shell.urls(good.url, bad.url + "?x=secret-key")
        done = shell.run("--to-file", path, "test")
        lines = done.stdout.splitlines()
        assert done.returncode == 1
        assert lines[0].startswith(f"OK      json://127.0.0.1:{good.port}: accepted in ")
        assert lines[1].startswith(f"FAILED  json://127.0.0.1:{bad.port}: ")
        assert "secret" not in done.stdout + done.stderr
        document = shell.document("test", "--to-file", shell.urls(good.url), "--json")
        assert document["destinations"][0]["accepted"] is True
        good.until(lambda arrived: len(arrived) == 2)


def test_a_url_from_the_environment_is_not_handed_to_the_hook(shell: Shell, monkeypatch: pytest.MonkeyPatch):
    out = shell.directory / "out"
    with Webhook() as sink:
        monkeypatch.setenv("IAMOPS_ALERT_URLS", sink.url)
        done = shell.run("test", "--exec", f"sh -c 'env > {out}'")
    assert done.returncode == 0
    assert "IAMOPS_ALERT_KIND=test" in out.read_text()
    assert sink.url not in out.read_text()


def test_the_systemd_unit_starts_a_command_line_that_there_is():
    unit = Path(__file__).parents[3] / "docs" / "monitoring" / "iamops-watch.service"
    (line,) = [each for each in unit.read_text().splitlines() if each.startswith("ExecStart=")]
    args = parser().parse_args(shlex.split(line)[1:])
    assert (args.command, args.verb, args.profile) == ("watch", None, "%i")
    assert args.to_file == Path("/etc/iamops/alerts")


def test_the_unit_the_scrape_and_the_pages_name_one_address():
    docs = Path(__file__).parents[3] / "docs"
    pages = [docs / "monitoring.md", docs / "alerts.md", *sorted((docs / "monitoring").iterdir())]
    named = {page.name: set(re.findall(r"127\.0\.0\.1:(91\d\d)", page.read_text())) for page in pages}
    assert {port for ports in named.values() for port in ports} - {"9093"} == {"9178"}, named


def test_a_page_to_scrape_is_somebody_to_tell(shell: Shell, monkeypatch: pytest.MonkeyPatch):
    begun: list[WatchDirectory] = []

    class Begun:
        def __init__(self, _profile: Profile, _args: Namespace, directory: WatchDirectory, *_more: object) -> None:
            begun.append(directory)

        async def run(self) -> int:
            return 0

    monkeypatch.setattr(watch_session, "_WatchRun", Begun)
    assert shell.run("--metrics", "127.0.0.1:9178").returncode == 0
    assert [each.path for each in begun] == [shell.state]
