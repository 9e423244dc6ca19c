"""Situations that operators met, as what was seen: what an earlier release said, and what must be said now."""

from __future__ import annotations

from iamops.judge.findings import Finding, NotEvaluated
from iamops.judge.triage.diagnose import diagnose
from iamops.model.facts import Severity
from tests.support.cluster_states import NOW
from tests.support.situations.actions import table as actions_table
from tests.support.situations.commands import commands
from tests.support.situations.files import files
from tests.support.situations.nginx import nginx
from tests.support.situations.nodes import nodes
from tests.support.situations.services import services
from tests.support.situations.situation import Elsewhere, Situation
from tests.support.situations.sources import sources
from tests.support.situations.vip import vip


def situations() -> tuple[Situation, ...]:
    return (*vip(), *nginx(), *services(), *nodes(), *files(), *sources())


def elsewhere() -> tuple[Elsewhere, ...]:
    return tuple(commands())


def page() -> str:
    """docs/situations.md."""
    rows = [_row(each) for each in situations()] + [_told(each) for each in elsewhere()]
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in sorted(rows, key=_by_number)) + actions_table()


HEAD = """\
# Situations

What operators met on pairs of their own, and what `iamops triage` says: the first cause and its next step. Where
another command tells of it, what that says. Made from `tests/support/situations/page.py` and its siblings, where
each is judged again with every change. The numbers are those of the collection in which they were gathered.

| id | situation | said before | first cause now | next step |
|---|---|---|---|---|
"""


def _by_number(row: tuple[str, ...]) -> tuple[str, int, str]:
    """R3 before R16."""
    number = "".join(each for each in row[0] if each.isdigit())
    return row[0][0], int(number), row[0]


def _row(each: Situation) -> tuple[str, ...]:
    diagnosis = diagnose(each.view, NOW + 2)
    loud = [one for one in diagnosis.findings if one.severity is not Severity.INFO]
    quiet = [f"info: {one.title}" for one in diagnosis.findings if each.info and each.info in one.title]
    said = [_first(one) for one in loud[:1]] or ["no findings"]
    blind = _unasked(each, diagnosis.not_evaluated)
    step = f"`{loud[0].next}`" if loud else ""
    return tuple(map(_cell, (each.id, each.what, each.before, "; ".join((*said, *quiet, *blind)), step)))


def _first(finding: Finding) -> str:
    """A rule of lint says in its evidence which file, which line, which word."""
    shown = f" ({finding.evidence[0].value})" if finding.code[:1].isupper() else ""
    return f"{finding.code}: {finding.title}{shown}"


def _unasked(each: Situation, blind: tuple[NotEvaluated, ...]) -> list[str]:
    """Each reason once, with the rules that were not asked for it."""
    wanted, reasons = dict(each.unasked), dict[str, list[str]]()
    for one in blind:
        if wanted.get(one.code, "\0") in one.because:
            reasons.setdefault(one.because, []).append(one.code)
    return [f"not asked {', '.join(codes)}: {why}" for why, codes in reasons.items()]


def _told(each: Elsewhere) -> tuple[str, ...]:
    said, step = each.says()
    return tuple(map(_cell, (each.id, each.what, each.before, said, step and f"`{step}`")))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
