"""The catalogue of runtime rules: what each finding means, how it is known, and what is safe to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from iamops.judge.runbook.datastores import ENTRIES as DATASTORES
from iamops.judge.runbook.entry import RunbookEntry
from iamops.judge.runbook.nginx import ENTRIES as NGINX
from iamops.judge.runbook.nodes import ENTRIES as NODES
from iamops.judge.runbook.others import ENTRIES as FILES
from iamops.judge.runbook.others import ITSELF_ENTRIES as ITSELF
from iamops.judge.runbook.others import TLS_ENTRIES as TLS
from iamops.judge.runbook.vip import ENTRIES as VIP

__all__ = ["BY_NUMBER", "CATALOGUE", "ENTRIES", "RunbookEntry", "entry_of", "runbook"]

GROUPS = (
    ("1xx: the VIP and VRRP", VIP),
    ("2xx: nginx and its backends", NGINX),
    ("3xx: datastores", DATASTORES),
    ("4xx: nodes", NODES),
    ("5xx: configuration", FILES),
    ("6xx: iamops itself", ITSELF),
    ("7xx: certificates", TLS),
)
ENTRIES: tuple[RunbookEntry, ...] = tuple(entry for _, group in GROUPS for entry in group)
CATALOGUE: Mapping[str, RunbookEntry] = {entry.code: entry for entry in ENTRIES}
BY_NUMBER: Mapping[str, RunbookEntry] = {entry.number: entry for entry in ENTRIES}
HEAD = """\
# Runbook

What `iamops triage` finds while things run: a page for each rule, made from the code. `iamops triage explain CODE`
prints a page by its number or its word. Rules about configuration files (N, K, S, P, L) are in [lint.md](lint.md).
"""


def entry_of(name: str) -> RunbookEntry | None:
    """The entry of a word or a number, in any case."""
    return CATALOGUE.get(name.lower()) or BY_NUMBER.get(name.upper())


def runbook() -> str:
    """docs/runbook.md."""
    return "\n".join(line for part in (HEAD.splitlines(), _contents(), _pages()) for line in part)


def _contents() -> Iterator[str]:
    yield from ("", "| number | code | severity | what |", "|---|---|---|---|")
    for entry in ENTRIES:
        number = f"[{entry.number}](#{entry.number.lower()}-{entry.code})"
        yield f"| {number} | {entry.code} | {entry.severity} | {entry.title} |"


def _pages() -> Iterator[str]:
    for title, group in GROUPS:
        yield from ("", f"## {title}")
        for entry in group:
            yield from _page(entry)
    yield ""


def _page(entry: RunbookEntry) -> Iterator[str]:
    yield from ("", f"### {entry.number} {entry.code}", "", f"**{entry.severity}**: {entry.title}.", "")
    yield from (entry.means, "", f"*Known by:* {entry.known_by}", "", "Usual causes, the likeliest first:", "")
    yield from (f"- {cause}" for cause in entry.causes)
    yield from ("", "Next, safe looks first:", "")
    yield from (f"- `{step}`" if step.startswith("iamops ") else f"- {step}" for step in entry.steps)
