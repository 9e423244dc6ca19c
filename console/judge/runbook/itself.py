"""The runbook's pages about iamops itself: T6xx."""

from __future__ import annotations

from console.judge.runbook.entry import Entry
from console.model.facts import Severity

ENTRIES = (
    Entry(
        "T601",
        "part-failing",
        Severity.WARNING,
        title="a part of iamops fails and is begun again",
        means="What it reads is unknown until it succeeds; everything else is watched as before.",
        known_by="An error that nobody expected, in a collector, a probe, a watch or a rule.",
        causes=("a fault of iamops: an answer of a node or a file in a shape that it does not know",),
        steps=("look: run iamops again with IAMOPS_DEBUG=1, and report what it prints",),
    ),
    Entry(
        "T602",
        "part-still",
        Severity.CRITICAL,
        title="a part of iamops stands still",
        means="What it reads is old, and nothing new is told of it.",
        known_by="A part that gives a sign of life with every round has given none for many rounds.",
        causes=(
            "this machine is overloaded or was suspended",
            "a disk or a name server that it waits for hangs",
            "a fault of iamops",
        ),
        steps=("look: is this machine overloaded, or its disk hung? then start iamops anew",),
    ),
)
