"""The runbook's pages about configuration files: T5xx."""

from __future__ import annotations

from console.judge.runbook.entry import Entry
from console.model.facts import Severity

ENTRIES = (
    Entry(
        "T501",
        "config-drift",
        Severity.WARNING,
        title="files differ from what the profile asks for",
        means="The next push or restart changes more than anyone expects.",
        known_by="Every managed file on the node against what the profile renders.",
        causes=(
            "somebody edited a file by hand",
            "the profile changed since the last push",
        ),
        steps=(
            "iamops config diff",
            "iamops config push --dry-run",
        ),
    ),
    Entry(
        "T502",
        "config-not-loaded",
        Severity.WARNING,
        title="a daemon runs with older files than those on its disk",
        means="What is on the disk is not what runs: the next restart brings it in.",
        known_by=("stat of the .conf files against the time the daemon last read them, both by the node's clock."),
        causes=(
            "a file was edited and the daemon not reloaded",
            "a reload that failed",
        ),
        steps=(
            "iamops config diff",
            "iamops reload nginx NODE --dry-run",
        ),
    ),
)
