"""`iamops watch` as a command line: what it refuses and why."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from iamops.cli.main import parser
from tests.support.watch_command import Shell, refused


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


def test_the_systemd_unit_starts_a_command_line_that_there_is():
    unit = Path(__file__).parents[4] / "docs" / "monitoring" / "iamops-watch.service"
    (line,) = [each for each in unit.read_text().splitlines() if each.startswith("ExecStart=")]
    args = parser().parse_args(shlex.split(line)[1:])
    assert (args.command, args.verb, args.profile) == ("watch", None, "%i")
    assert args.to_file == Path("/etc/iamops/alerts")


def test_the_unit_the_scrape_and_the_pages_name_one_address():
    docs = Path(__file__).parents[4] / "docs"
    pages = [docs / "monitoring.md", docs / "alerts.md", *sorted((docs / "monitoring").iterdir())]
    named = {page.name: set(re.findall(r"127\.0\.0\.1:(91\d\d)", page.read_text())) for page in pages}
    assert {port for ports in named.values() for port in ports} - {"9093"} == {"9178"}, named
