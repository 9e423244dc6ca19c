"""Configuration files with what is right to say of them: `tests/fixtures/specimens/DAEMON/NAME.txt`.

A specimen is one text: YAML, then the files of its nodes. `-- NODE/etc/... --` begins a file; behind the path may
stand `crlf`, `bom` and `mode=0644`. The keys of the YAML:

    what: in a sentence, what operators do here
    expect: [K008 a:/etc/keepalived/keepalived.conf:12]    every finding of warning or above, and K002; [] for none
    daemon: accepts | refuses                              what `keepalived -t` or `nginx -t` says of node a's file
    reason: why lint and the daemon differ about it        only where they do
    page: K008                                             the rule whose page shows it: it fires, or looks alike
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

from iamops.judge.lint.finding import LintReport
from iamops.model.config import ConfFile, ConfTree

ROOT = Path(__file__).parents[1] / "fixtures" / "specimens"
_FILE = re.compile(r"^-- (?P<node>[\w-]+)(?P<path>/\S+)(?P<how>(?: \S+)*) --$", re.MULTILINE)
KEYS = {"what", "expect", "daemon", "reason", "page"}


@dataclass(frozen=True, slots=True)
class Specimen:
    """`expect`: `CODE node:file:line`, sorted; without the line where none can be told."""

    name: str
    what: str
    expect: tuple[str, ...]
    daemon: str
    trees: tuple[ConfTree, ...] = field(repr=False)
    reason: str = ""
    page: str = ""


@cache
def specimens(daemon: str) -> dict[str, Specimen]:
    """All of `keepalived` or `nginx`, by name. Raises ValueError naming the file that cannot be read."""
    return {path.stem: parsed(path.stem, path.read_text()) for path in sorted((ROOT / daemon).glob("*.txt"))}


def parsed(name: str, text: str) -> Specimen:
    head, *rest = _FILE.split(text)
    told = yaml.safe_load(head)
    if not isinstance(told, dict) or not told.keys() <= KEYS or told.get("daemon") not in ("accepts", "refuses"):
        raise ValueError(f"{name}: its head has {told}")
    nodes: dict[str, dict[str, ConfFile]] = {}
    for node, path, how, content in zip(rest[::4], rest[1::4], rest[2::4], rest[3::4], strict=True):
        nodes.setdefault(node, {})[path] = _file(path, how.split(), content.removeprefix("\n"))
    trees = tuple(ConfTree(node, files) for node, files in nodes.items())
    expect = tuple(sorted(told["expect"]))
    return Specimen(
        name, told["what"], expect, told["daemon"], trees, told.get("reason", ""), told.get("page", "")
    )


def _file(path: str, how: list[str], content: str) -> ConfFile:
    if "crlf" in how:
        content = content.replace("\n", "\r\n")
    if "bom" in how:
        content = f"\ufeff{content}"
    modes = [int(word.removeprefix("mode="), 8) for word in how if word.startswith("mode=")]
    usual = 0o755 if path.endswith(".sh") else 0o600
    return ConfFile(path, content, modes[0] if modes else usual, "root", "root")


def findings(report: LintReport) -> tuple[str, ...]:
    """As a specimen expects them: warnings and above, and what is told as not evaluated."""
    told = (f for f in report.unsilenced if f.rule.severity.value != "info" or f.rule.code == "K002")
    return tuple(sorted(f"{finding.rule.code} {finding.where}" for finding in told))
