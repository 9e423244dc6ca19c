"""What of the alerts outlives the process: as a document, and back. Times of looks do not: they start anew.

The machine's clock may have been set back meanwhile: nothing that is remembered is later than now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from console.judge.alerts_flap import Damper
from console.judge.alerts_open import Case, key_of
from console.judge.alerts_state import Alerts, Hush, VipMemory
from console.judge.findings import Key
from console.judge.silence import silence_of
from console.model.facts import Severity


def remembered(alerts: Alerts) -> dict[str, Any]:
    """The document. It changes only when something was told, moved, or is being held back."""
    flapping = {key for key, damper in alerts.dampers.items() if damper.flapping}
    kept = [case for key, case in alerts.cases.items() if case.open or case.told_as is not None or key in flapping]
    return {
        "vips": {instance: _memory_document(memory) for instance, memory in alerts.memory.items()},
        "cases": [_case_document(case) for case in kept],
        "dampers": [[*key, _damper_document(damper)] for key, damper in alerts.dampers.items()],
        "hush": _hush_document(alerts.hush) if alerts.hush else None,
    }


def recalled(fresh: Alerts, raw: Mapping[str, Any], now: float) -> Alerts:
    """`fresh` with what a document remembers, as of `now`. Raises ValueError, TypeError, LookupError,
    AttributeError or ArithmeticError for none.
    """
    cases = [_case(each, now) for each in raw["cases"]]
    return replace(
        fresh,
        memory={name: _memory(each, now) for name, each in raw["vips"].items() if name in fresh.vips},
        cases={case.key: case for case in cases},
        dampers={_key(*key): _damper(each, now) for *key, each in raw["dampers"]},
        reminded_at=now,
        hush=_hush(raw["hush"]),
    )


def _memory_document(memory: VipMemory) -> dict[str, Any]:
    return {
        "seen_on": memory.seen_on,
        "damper": _damper_document(memory.damper),
        "between": sorted(memory.between),
        "split": memory.split,
    }


def _memory(raw: Mapping[str, Any], now: float) -> VipMemory:
    seen_on = None if raw["seen_on"] is None else str(raw["seen_on"])
    between = frozenset(str(node) for node in raw["between"])
    return VipMemory(seen_on, damper=_damper(raw["damper"], now), between=between, split=bool(raw.get("split")))


def _damper_document(damper: Damper) -> dict[str, Any]:
    return {
        "told": list(damper.told),
        "since": damper.since,
        "window_s": damper.window_s,
        "count": damper.count,
        "began": damper.began,
        "total": damper.total,
    }


def _damper(raw: Mapping[str, Any], now: float) -> Damper:
    return Damper(
        tuple(at for each in raw["told"] if (at := float(each)) <= now),
        None if raw["since"] is None else min(now, float(raw["since"])),
        float(raw["window_s"]),
        int(raw["count"]),
        min(now, float(raw["began"])),
        int(raw["total"]),
    )


def _case_document(case: Case) -> dict[str, Any]:
    """Without when it was last seen, which changes at every look: a document is written for news only."""
    return {
        "code": case.code,
        "node": case.node,
        "severity": str(case.severity),
        "title": case.title,
        "what": case.what,
        "instance": case.instance,
        "first": case.first,
        "needs": sorted(case.needs),
        "open": case.open,
        "told_as": None if case.told_as is None else str(case.told_as),
    }


def _case(raw: Mapping[str, Any], now: float) -> Case:
    return Case(
        str(raw["code"]),
        None if raw["node"] is None else str(raw["node"]),
        Severity(raw["severity"]),
        str(raw["title"]),
        (),
        min(now, float(raw["first"])),
        now,
        frozenset(str(node) for node in raw["needs"]),
        here=False,
        open=bool(raw["open"]),
        told_as=None if raw["told_as"] is None else Severity(raw["told_as"]),
        what=str(raw.get("what") or ""),
        instance=str(raw.get("instance") or ""),
    )


def _key(code: object, node: object, what: object) -> Key:
    return key_of(str(code), str(node) or None, str(what))


def _hush_document(hush: Hush) -> dict[str, Any]:
    return {"silence": hush.silence.document(), "moves": hush.moves, "cases": hush.cases}


def _hush(raw: Mapping[str, Any] | None) -> Hush | None:
    return None if raw is None else Hush(silence_of(raw["silence"]), int(raw["moves"]), int(raw["cases"]))
