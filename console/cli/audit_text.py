"""The ledger's records as lines for a person. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.ledger.record import Record
from console.model.gap import not_measured
from console.parse.safe_text import safe

NO_OUTCOME = "no outcome recorded: the console was ended; look at the cluster"


def tail_lines(records: Sequence[Record], count: int) -> list[str]:
    """The latest runs, one line each, oldest first: an intent and its outcome are one run."""
    ended = {record.run for record in records if record.kind == "outcome"}
    shown = [record for record in records if not (record.kind == "intent" and record.run in ended)]
    return [_line(record) for record in shown[-count:]] if count > 0 else []


def run_lines(records: Sequence[Record]) -> list[str]:
    """Everything about one run."""
    lines: list[str] = []
    for record in records:
        lines += [f"{record.kind} (record {record.n}, {record.at})", *_fields(record)]
    if all(record.kind == "intent" for record in records):
        lines.append(NO_OUTCOME)
    return lines


def _line(record: Record) -> str:
    outcome = _text(record, "outcome") or (NO_OUTCOME if record.kind == "intent" else record.kind)
    sentence = _text(record, "sentence")
    who = f"{_text(record, 'who')} from {_text(record, 'from')}"
    reason = f' "{_text(record, "reason")}"' if _text(record, "reason") else ""
    head = f"{record.at} {_text(record, 'profile')} {record.run}"
    end = f": {sentence}" if sentence else ""
    return f"{head} {who}: {_text(record, 'action')}{reason} -> {outcome}{end}"


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
