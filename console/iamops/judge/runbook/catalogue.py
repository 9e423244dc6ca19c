"""The catalogue of runtime rules: what each finding means, how it is known, and what is safe to do next."""

from __future__ import annotations

from collections.abc import Mapping

from iamops.judge.runbook.entry import RunbookEntry
from iamops.judge.runbook.nodes import ENTRIES as NODES
from iamops.judge.runbook.others import ENTRIES as OTHERS
from iamops.judge.runbook.services import DATASTORES
from iamops.judge.runbook.services import ENTRIES as NGINX
from iamops.judge.runbook.vip import ENTRIES as VIP

ENTRIES: tuple[RunbookEntry, ...] = (*VIP, *NGINX, *DATASTORES, *NODES, *OTHERS)
CATALOGUE: Mapping[str, RunbookEntry] = {entry.code: entry for entry in ENTRIES}
BY_NUMBER: Mapping[str, RunbookEntry] = {entry.number: entry for entry in ENTRIES}


def entry_of(name: str) -> RunbookEntry | None:
    """The entry of a word or a number, in any case."""
    return CATALOGUE.get(name.lower()) or BY_NUMBER.get(name.upper())
