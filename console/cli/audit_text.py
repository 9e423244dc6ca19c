"""The ledger's records as lines for a person. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.judge.ending import ending_of, stage_word
from console.ledger.odd import fields, figure, listed, number, text
from console.ledger.record import Record
from console.ledger.runs import LedgerRun, runs_of
from console.model.gap import not_measured
from console.parse.safe_text import safe

NO_OUTCOME = "no outcome recorded: the console was ended; look at the cluster"


def tail_lines(records: Sequence[Record], count: int) -> list[str]:
    """The latest runs, one line each, oldest first: all records of a run are one line."""
    shown = runs_of(records)[-count:] if count > 0 else ()
    return [_line(run) for run in sorted(shown, key=lambda run: run.last.n)]


def run_lines(records: Sequence[Record]) -> list[str]:
    """Everything about one run."""
    lines: list[str] = []
    for record in records:
        lines += [safe(f"{record.kind} (record {record.n}, {record.at})"), *_fields(record)]
    ended = [run.outcome for run in runs_of(records)]
    if ended == [""]:
        lines.append(NO_OUTCOME)
    elif len(ended) == 1:
        lines.append(f"ended: {safe(ended[0])}")
    return lines


def _line(run: LedgerRun) -> str:
    if run.breaks:
        why = safe(str(run.value("reason") or "no reason"))
        return (
            f"{safe(run.last.at)} THE CHAIN IS BROKEN before record {run.last.n}: {why}; see `iamops audit verify`"
        )
    told = {key: safe(str(run.value(key) or "")) for key in ("profile", "who", "from", "action", "reason")}
    ended, sentence = safe(run.outcome) or NO_OUTCOME, safe(run.sentence)
    reason = f' "{told["reason"]}"' if told["reason"] else ""
    head = safe(f"{run.last.at} {told['profile']} {run.run}")
    end = f": {sentence}" if sentence else ""
    return f"{head} {told['who']} from {told['from']}: {told['action']}{reason} -> {ended}{end}"


def _fields(record: Record) -> Iterator[str]:
    for key in ("action", "command", "who", "from", "reason", "outcome", "sentence", "restored_by"):
        value = safe(ending_of(record.raw) if key == "outcome" else text(record.raw.get(key)))
        if value:
            yield f"  {key}: {value}"
    overrides = listed(record.raw.get("overrides"))
    if overrides:
        yield f"  overrides: {safe(', '.join(map(str, overrides)))}"
    for step in listed(record.raw.get("steps")):
        yield f"  {safe(_step(step))}"
    for step in listed(record.raw.get("undone")):
        yield f"  undo {safe(_undo(step))}"
    yield from (f"  client: {safe(each)}" for each in _client(record.raw.get("client")))


def _step(step: object) -> str:
    """A step as it was left: a run that is over leaves none waiting."""
    found = fields(step)
    if not found:
        return text(step)
    took = figure(found.get("took_s"), ".1f", "s")
    return f"{stage_word(text(found.get('stage')))}{f' ({took})' if took else ''} {text(found.get('title'))}"


def _undo(step: object) -> str:
    found = fields(step)
    return f"{text(found.get('stage'))}: {text(found.get('title'))}" if found else text(step)


def _client(client: object) -> Iterator[str]:
    found = fields(client)
    if not found:
        yield from map(text, listed(client))
    gap = figure(found.get("longest_gap_ms"), ".0f", "ms")
    if gap:
        yield f"longest gap {gap}"
    blind_ms = found.get("not_measured_ms")
    if blind_ms:
        unseen_ms = number(blind_ms)
        yield f"not measured: {text(blind_ms)}" if unseen_ms is None else not_measured(unseen_ms)
