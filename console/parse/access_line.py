"""What an access-log line says by its format: when it was written, and how loud it is. Pure."""

from __future__ import annotations

from console.model.facts import Severity
from console.parse.log_counts import values
from console.parse.log_format import Clock, Field, LogFormat
from console.parse.log_text import access_severity, severity_of
from console.parse.log_time import logged_at
from console.parse.log_words import SECONDS


def access_line(form: LogFormat, line: bytes, zone_s: int = 0) -> tuple[float | None, Severity]:
    """Epoch seconds on the node's clock, None for a line that does not tell; and what its status means.

    A line that is not in the format is read like one of any other log. `zone_s`: the node's offset east of UTC.
    """
    names = {form.fields[field] for field in (Field.TIME, Field.STATUS) if field in form.fields}
    found = values(form, line.decode("latin-1"), names)
    if found is None:
        return logged_at(line, zone_s), access_severity(line)
    stamp = found[form.fields[Field.TIME]] if Field.TIME in form.fields else ""
    return _at(form.clock, stamp), severity_of(found[form.fields[Field.STATUS]])


def _at(clock: Clock | None, stamp: str) -> float | None:
    match clock:
        case Clock.LOCAL:
            return logged_at(f"[{stamp}]".encode("latin-1"))
        case Clock.MSEC:
            return float(stamp) if SECONDS.fullmatch(stamp) and len(stamp) < 20 else None
        case _:
            return logged_at(stamp.encode("latin-1"))
