"""The steps of a drill file, as pydantic reads them: what a key may hold, and what is wrong with it. Pure.

A value's check says in full what is wrong, so that the loader adds the line only.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationInfo, create_model

from iamops.model.drill import (
    BOUND_NAMES,
    EACH,
    MACHINE_VERBS,
    OWNER,
    ROLES,
    STANDBY,
    UNIT_VERBS,
    Bound,
    DrillStep,
    DrillVerb,
    EvenSplit,
    Expected,
    FailedRequests,
    Outage,
    StateEntered,
    StateOf,
    TimeTerm,
    VipMovesTo,
    VipStays,
)
from iamops.model.facts import VrrpState
from iamops.parse.yaml_tree import described
from iamops.redact.clean import clean_text

VERBS = tuple(str(verb) for verb in DrillVerb)
SHELL = ("shell", "run", "command", "exec", "script")
OPTIONS = ("node", "expect", "transitions", "notify")
STATES = ("MASTER", "BACKUP", "FAULT")
NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,100}")
MOST_REQUESTS, MOST_FAILED = 10_000, 1_000_000


def nearest(found: object, known: Collection[str]) -> str:
    """A hint for the end of a message."""
    near = difflib.get_close_matches(str(found), known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; one of: {', '.join(known)}"


def shown(value: object) -> str:
    return described(value) or f"`{clean_text(str(value), 40)}`"


# Bounds: `check.fault + vrrp.skew`, `vrrp.max * 1.2`, `250 ms`.

MOST_S = 3600.0
MOST_TIMES = 100.0
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_TIME = re.compile(rf"(?P<number>{_NUMBER}) ?(?P<unit>s|ms)")
# More than names are made of, so that a misspelt one is still reported as a name.
_NAMED = re.compile(rf"(?P<name>[A-Za-z][A-Za-z0-9_.-]*)(?: ?\* ?(?P<factor>{_NUMBER}))?")
EXPECTED = "a time such as `3 s` or `250 ms`, or a named one such as `vrrp.max * 1.2`; `+` adds several"


def parse_bound(text: str) -> Bound:
    """Raises ValueError, saying what was expected. Reports print the text: it becomes one line."""
    written = " ".join(text.split())
    return Bound(written, tuple(_term(part.strip()) for part in written.split("+")))


def _term(text: str) -> TimeTerm:
    if time := _TIME.fullmatch(text):
        number, unit = float(time["number"]), time["unit"]
        seconds = number / 1000 if unit == "ms" else number
        if seconds > MOST_S:
            raise ValueError(f"expected at most {MOST_S:.0f} s, found {number:.15g} {unit}")
        return TimeTerm(None, seconds=seconds)
    named = _NAMED.fullmatch(text)
    if named is None:
        raise ValueError(f"expected {EXPECTED}, found {clean_text(repr(text), 60)}")
    name, factor = named["name"], float(named["factor"] or 1.0)
    if name not in BOUND_NAMES:
        near = difflib.get_close_matches(name, BOUND_NAMES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"one of: {', '.join(BOUND_NAMES)}"
        raise ValueError(f"no time is named {clean_text(repr(name), 60)}; {hint}")
    if not 0 < factor <= MOST_TIMES:
        raise ValueError(f"expected a factor above 0 and up to {MOST_TIMES:.0f}, found {factor:g}")
    return TimeTerm(name, factor)


# What a key may hold.


def text_of(value: object, expected: str) -> str:
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise ValueError(f"expected {expected}, found {shown(value)}")


def word_of(value: object, known: Collection[str], expected: str) -> str:
    if isinstance(value, str) and value in known:
        return value
    raise ValueError(f"expected {expected}, found {shown(value)}{nearest(value, known)}")


def _number(value: object, least: int, most: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    raise ValueError(f"expected a whole number from {least} to {most}, found {shown(value)}")


def _unit(value: object, info: ValidationInfo) -> str:
    unit = text_of(value, "a systemd unit such as nginx").removesuffix(".service")
    names: Any = info.context
    known = names["units"]
    if not UNIT.fullmatch(unit):
        raise ValueError(f"expected a systemd unit such as nginx, found {shown(value)}")
    if known is not None and unit not in known:
        raise ValueError(f"the profile has no unit {unit!r}{nearest(unit, known)}")
    return unit


def _who(value: object, info: ValidationInfo) -> str:
    names: Any = info.context
    nodes = names["nodes"]
    if not isinstance(value, str) or not NODE.fullmatch(value) or value == EACH:
        raise ValueError(f"expected {' or '.join(ROLES)} or a node's name, found {shown(value)}")
    if nodes is not None and value not in (known := (*ROLES, *nodes)):
        raise ValueError(f"neither a role nor a node of the profile: {value!r}{nearest(value, known)}")
    return value


def _one_node(value: object, info: ValidationInfo) -> str:
    if value == EACH:
        raise ValueError("`each` goes with restart and reload: one node must go on serving")
    return _who(value, info)


def _entered(value: object, info: ValidationInfo, states: Collection[str]) -> StateEntered:
    parts = value.split() if isinstance(value, str) else []
    if len(parts) != 2:
        raise ValueError(f"expected `WHO STATE` such as `standby MASTER`, found {shown(value)}")
    return StateEntered(_who(parts[0], info), VrrpState(word_of(parts[1], states, "a VRRP state")))


# A key without a value is as good as none.
OrNone = BeforeValidator(lambda value: () if value is None else value)
TimeBound = Annotated[
    Bound, PlainValidator(lambda value: parse_bound(text_of(value, "a time such as `3 s` or `vrrp.max * 1.2`")))
]
Unit = Annotated[str, PlainValidator(_unit)]
Who = Annotated[str, PlainValidator(_who)]
OneNode = Annotated[str, PlainValidator(_one_node)]
AnyNode = Annotated[str, PlainValidator(lambda value, info: value if value == EACH else _who(value, info))]
Standby = Annotated[str, PlainValidator(lambda value: word_of(value, (STANDBY,), "`standby`: the VIP goes to it"))]
Even = Annotated[str, PlainValidator(lambda value: word_of(value, ("even",), "`even`"))]
Requests = Annotated[int, PlainValidator(lambda value: _number(value, 1, MOST_REQUESTS))]
Failed = Annotated[int, PlainValidator(lambda value: _number(value, 0, MOST_FAILED))]
Entered = Annotated[StateEntered, PlainValidator(lambda value, info: _entered(value, info, STATES))]
Logged = Annotated[StateEntered, PlainValidator(lambda value, info: _entered(value, info, (*STATES, "STOP")))]


class DrillPart(BaseModel):
    """A mapping of the file that takes the keys of its fields, and no other."""

    # Built on use: a drill has a few of the twenty.
    model_config = ConfigDict(extra="forbid", defer_build=True)


def _mapping(value: object) -> dict[str, object]:
    if isinstance(value, dict):
        return value
    raise ValueError(f"expected a mapping of `key: value`, found {shown(value)}")


# --- what must follow: kind -> its keys, and the expectation made of their values ---

_WITHIN: dict[str, Any] = {"within": (TimeBound, ...)}
KINDS: Mapping[str, tuple[dict[str, Any], Callable[..., Expected]]] = {
    "vip": ({"vip": (Who, ...), **_WITHIN}, VipMovesTo),
    "state": ({"state": (Entered, ...), **_WITHIN}, lambda of, within: StateOf(of.who, of.state, within)),
    "vip_stays": ({"vip_stays": (TimeBound, ...)}, VipStays),
    "outage": ({"outage": (TimeBound, ...)}, Outage),
    "failed_requests": ({"failed_requests": (Failed, ...)}, FailedRequests),
    "split": ({"split": (Even, ...)}, lambda _: EvenSplit()),
}
_EXPECTATIONS: dict[str, type[DrillPart]] = {
    kind: create_model(kind, __base__=DrillPart, **fields) for kind, (fields, _) in KINDS.items()
}


def _expected(value: object, info: ValidationInfo) -> Expected:
    fields = _mapping(value)
    kinds = [key for key in fields if key in KINDS]
    if len(kinds) != 1:
        hint = f": {', '.join(KINDS)}" if kinds else nearest(next(iter(fields), ""), tuple(KINDS))
        raise ValueError(f"expected one expectation{hint}")
    part = _EXPECTATIONS[kinds[0]].model_validate(fields, context=info.context)
    _, made_of = KINDS[kinds[0]]
    return made_of(*dict(part).values())


# --- what a step does: verb -> the fields of the DrillStep that its value and `node` fill ---


class _StepModel(DrillPart):
    """What every step may say beside what it does."""

    expect: Annotated[tuple[Annotated[Expected, PlainValidator(_expected)], ...], OrNone] = ()
    transitions: Annotated[tuple[Entered, ...], OrNone] = ()
    notify: Annotated[tuple[Logged, ...], OrNone] = ()


def _step_model(verb: DrillVerb) -> type[_StepModel]:
    key = Field(alias=str(verb))
    fields: dict[str, Any]
    if verb in UNIT_VERBS:
        node = AnyNode if verb in (DrillVerb.RESTART, DrillVerb.RELOAD) else OneNode
        fields = {"unit": (Unit, key), "on": (node, Field(OWNER, alias="node"))}
    elif verb in MACHINE_VERBS:
        fields = {"on": (Who, key)}
    elif verb is DrillVerb.REQUESTS:
        fields = {"count": (Requests, key)}
    else:
        fields = {"of": (TimeBound if verb is DrillVerb.WATCH else Standby, key)}
    return create_model(str(verb), __base__=_StepModel, **fields)


_STEPS = {str(verb): _step_model(verb) for verb in DrillVerb}


def _step(value: object, info: ValidationInfo) -> DrillStep:
    """The step, but for its line."""
    fields = _mapping(value)
    verbs = [key for key in fields if key in _STEPS]
    if len(verbs) == 1:
        part = dict(_STEPS[verbs[0]].model_validate(fields, context=info.context))
        of = part.pop("of", None)
        if isinstance(of, Bound):
            part["expect"] = (*part["expect"], VipStays(of))
        return DrillStep(verb=DrillVerb(verbs[0]), **part)
    if shell := {key: None for key in fields if key in SHELL}:
        DrillPart.model_validate(shell)  # raises for each of them
    if not fields:
        raise ValueError(f"expected one thing to do, found nothing; one of: {', '.join(VERBS)}")
    if verbs:
        raise ValueError(f"expected one thing to do, found {' and '.join(verbs)}")
    others = [key for key in fields if key not in OPTIONS]
    hint = nearest(others[0], VERBS) if others else f"; one of: {', '.join(VERBS)}"
    raise ValueError(f"expected one thing to do{hint}")


WrittenStep = Annotated[DrillStep, PlainValidator(_step)]


def unknown_key(key: str, beside: Mapping[str, object], *, in_step: bool) -> str:
    """What is wrong with a key that a step, or one of its expectations, does not take."""
    if not in_step:
        fields, _ = next(KINDS[kind] for kind in beside if kind in KINDS)
        return f"means nothing here{nearest(key, tuple(fields))}"
    if key in SHELL:
        return f"a drill runs no commands of its own: say what should happen with one of: {', '.join(VERBS)}"
    verb = next(verb for verb in beside if verb in VERBS)
    if key == "node":
        return f"goes with {', '.join(UNIT_VERBS)}; not with {verb}"
    return f"means nothing here{nearest(key, (verb, *OPTIONS, *SHELL))}"
