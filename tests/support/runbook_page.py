"""docs/runbook.md, made from the catalogue."""

from __future__ import annotations

from collections.abc import Iterator

from iamops.judge.runbook.catalogue import ENTRIES
from iamops.judge.runbook.entry import RunbookEntry

GROUPS = {
    "T1": "1xx: the VIP and VRRP",
    "T2": "2xx: nginx and its backends",
    "T3": "3xx: datastores",
    "T4": "4xx: nodes",
    "T5": "5xx: configuration",
    "T6": "6xx: iamops itself",
    "T7": "7xx: certificates",
}
HEAD = """\
# Runbook

What `iamops triage` finds while things run: a page for each rule, made from the code. `iamops triage explain CODE`
prints a page by its number or its word. Rules about configuration files (N, K, S, P, L) are in [lint.md](lint.md).
"""


def runbook() -> str:
    return "\n".join(line for part in (HEAD.splitlines(), _contents(), _pages()) for line in part)


def _contents() -> Iterator[str]:
    yield from ("", "| number | code | severity | what |", "|---|---|---|---|")
    for entry in ENTRIES:
        number = f"[{entry.number}](#{entry.number.lower()}-{entry.code})"
        yield f"| {number} | {entry.code} | {entry.severity} | {entry.title} |"


def _pages() -> Iterator[str]:
    for prefix, title in GROUPS.items():
        yield from ("", f"## {title}")
        for entry in ENTRIES:
            if entry.number.startswith(prefix):
                yield from _page(entry)
    yield ""


def _page(entry: RunbookEntry) -> Iterator[str]:
    yield from ("", f"### {entry.number} {entry.code}", "", f"**{entry.severity}**: {entry.title}.", "")
    yield from (entry.means, "", f"*Known by:* {entry.known_by}", "", "Usual causes, the likeliest first:", "")
    yield from (f"- {cause}" for cause in entry.causes)
    yield from ("", "Next, safe looks first:", "")
    yield from (f"- `{step}`" if step.startswith("iamops ") else f"- {step}" for step in entry.steps)
