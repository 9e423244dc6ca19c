"""The ledger's records as lines for a person. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
        lines += [f"{record.kind} (record {record.n}, {record.at})", *_fields(record)]
    ended = [run.outcome for run in runs_of(records)]
    if ended == [""]:
        lines.append(NO_OUTCOME)
    elif len(ended) == 1:
        lines.append(f"ended: {safe(ended[0])}")
    return lines


def _line(run: LedgerRun) -> str:
    text = {key: safe(str(run.value(key) or "")) for key in ("profile", "who", "from", "action", "reason")}
    ended, sentence = safe(run.outcome) or NO_OUTCOME, safe(run.sentence)
    reason = f' "{text["reason"]}"' if text["reason"] else ""
    head = f"{run.last.at} {text['profile']} {run.run}"
    end = f": {sentence}" if sentence else ""
    return f"{head} {text['who']} from {text['from']}: {text['action']}{reason} -> {ended}{end}"


def _fields(record: Record) -> Iterator[str]:
    for key in ("action", "command", "who", "from", "reason", "outcome", "sentence", "restored_by"):
        if _text(record, key):
            yield f"  {key}: {_text(record, key)}"
    overrides = record.raw.get("overrides") or ()
    if overrides:
        yield f"  overrides: {', '.join(safe(str(code)) for code in overrides)}"
    for step in record.raw.get("steps") or ():
        took = "" if step.get("took_s") is None else f" ({step['took_s']:.1f} s)"
        yield f"  {safe(str(step.get('stage')))}{took} {safe(str(step.get('title')))}"
    for step in record.raw.get("undone") or ():
        yield f"  undo {safe(str(step.get('stage')))}: {safe(str(step.get('title')))}"
    client = record.raw.get("client") or {}
    if client.get("longest_gap_ms") is not None:
        yield f"  client: longest gap {client['longest_gap_ms']:.0f} ms"
    if client.get("not_measured_ms"):
        yield f"  client: {not_measured(client['not_measured_ms'])}"


def _text(record: Record, key: str) -> str:
    value = record.raw.get(key)
    return "" if value is None else safe(str(value))
