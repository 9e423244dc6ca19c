"""Which ledger a command reads: the operator's own, or the one that he names."""

from __future__ import annotations

from pathlib import Path

from console.ledger.regular import regular
from console.session.resources import audit_file


class NoSuchLedger(Exception):
    """The named file is none that could be read as a ledger; says why."""


def ledger_file(named: Path | None) -> Path:
    """Its path; only the operator's own need not be there yet. Raises NoSuchLedger, OSError."""
    path = named or audit_file()
    try:
        regular(path).close()
    except FileNotFoundError:
        if named is not None:
            raise NoSuchLedger(f"{path}: no such ledger") from None
    except OSError:
        if named is not None and path.exists() and not path.is_file():
            raise NoSuchLedger(f"{path}: a {_kind(path)}, not a ledger") from None
        raise
    return path


def _kind(path: Path) -> str:
    return "directory" if path.is_dir() else "device, fifo or socket"
