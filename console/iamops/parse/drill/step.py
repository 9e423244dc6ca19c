"""One step of a drill: a mapping of the YAML tree -> Move. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from typing import Any

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
from iamops.parse.yaml_tree import MOST_PROBLEMS, Path, Problem, YamlTree
from iamops.redact.clean import words

# The bounds of a drill: `check.fault + vrrp.skew`, `vrrp.max * 1.2`, `250 ms`. Text -> Bound. Pure.

MOST_S = 3600.0
MOST_TIMES = 100.0
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_TIME = re.compile(rf"(?P<number>{_NUMBER}) ?(?P<unit>s|ms)")
# More than names are made of, so that a misspelt one is still told as a name.
_NAMED = re.compile(rf"(?P<name>[A-Za-z][A-Za-z0-9_.-]*)(?: ?\* ?(?P<factor>{_NUMBER}))?")
EXPECTED = "a time such as `3 s` or `250 ms`, or a named one such as `vrrp.max * 1.2`; `+` adds several"


def parse_bound(text: str) -> Bound:
    """Raises ValueError, saying what was expected. Reports print the text: it becomes one line."""
    written = " ".join(text.split())
    return Bound(written, tuple(_term(part.strip()) for part in written.split("+")))


def _term(text: str) -> TimeTerm:
    if time := _TIME.fullmatch(text):
        return _time(float(time["number"]), time["unit"])
    named = _NAMED.fullmatch(text)
    if named is None:
        raise ValueError(f"expected {EXPECTED}, found {words(repr(text), 60)}")
    return _named(named["name"], float(named["factor"] or 1.0))


def _time(number: float, unit: str) -> TimeTerm:
    seconds = number / 1000 if unit == "ms" else number
    if seconds > MOST_S:
        raise ValueError(f"expected at most {MOST_S:.0f} s, found {number:.15g} {unit}")
    return TimeTerm(None, seconds=seconds)


def _named(name: str, factor: float) -> TimeTerm:
    if name not in BOUND_NAMES:
        near = difflib.get_close_matches(name, BOUND_NAMES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"one of: {', '.join(BOUND_NAMES)}"
        raise ValueError(f"no time is named {words(repr(name), 60)}; {hint}")
    if not 0 < factor <= MOST_TIMES:
        raise ValueError(f"expected a factor above 0 and up to {MOST_TIMES:.0f}, found {factor:g}")
    return TimeTerm(name, factor)


# Reads values out of a YAML tree and writes down what is wrong with them. Pure.


class DrillReader:
    """Everything returns a usable value; what was wrong stands in `problems`."""

    def __init__(self, tree: YamlTree) -> None:
        self._tree = tree
        self.problems: list[Problem] = []

    def wrong(self, path: Path, message: str) -> None:
        if len(self.problems) <= MOST_PROBLEMS:  # one more than are told says that there are more
            self.problems.append(self._tree.problem(path, message))

    def line(self, path: Path) -> int:
        return self._tree.line(path)

    def mapping(self, value: Any, path: Path) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self.wrong(path, f"expected a mapping of `key: value`, found {shown(value)}")
        return {}

    def items(self, value: Any, path: Path) -> list[tuple[Path, Any]]:
        """A list's items with their paths; an absent list is an empty one."""
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(path, f"expected a list, found {shown(value)}")
            return []
        return [((*path, number), item) for number, item in enumerate(value)]

    def text(self, value: Any, path: Path, expected: str) -> str:
        if isinstance(value, str) and value.strip():
            return value.strip()
        self.wrong(path, f"expected {expected}, found {shown(value)}")
        return ""

    def number(self, value: Any, path: Path, least: int, most: int) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.wrong(path, f"expected a whole number from {least} to {most}, found {shown(value)}")
        return least

    def word(self, value: Any, path: Path, known: Collection[str], what: str) -> str:
        """One of the known words, or an empty text."""
        if isinstance(value, str) and value in known:
            return value
        self.wrong(path, f"expected {what}, found {shown(value)}{nearest(value, known)}")
        return ""

    def only(self, keys: Iterable[str], path: Path, known: Collection[str]) -> None:
        """Complains about every key that means nothing here."""
        for key in keys:
            if key not in known:
                self.wrong((*path, key), f"means nothing here{nearest(key, known)}")


def nearest(found: Any, known: Collection[str]) -> str:
    """A hint for the end of a message."""
    near = difflib.get_close_matches(str(found), known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; one of: {', '.join(known)}"


def shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else f"`{words(str(value), 40)}`"


VERBS = tuple(str(verb) for verb in DrillVerb)
SHELL = ("shell", "run", "command", "exec", "script")
NO_SHELL = "a drill runs no commands of its own: say what should happen with one of"
OPTIONS = ("node", "expect", "transitions", "notify")
KINDS = ("vip", "state", "vip_stays", "outage", "failed_requests", "split")
STATES = ("MASTER", "BACKUP", "FAULT")
NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,100}")
MOST_REQUESTS = 10_000


class StepReader:
    """Reads steps. `units` and `nodes` are those of the profile, or None where any will do."""

    def __init__(self, reader: DrillReader, units: Collection[str] | None, nodes: Collection[str] | None) -> None:
        self._reader = reader
        self._units = units
        self._nodes = nodes

    def step(self, value: Any, path: Path) -> DrillStep | None:
        """None where it cannot even be said what the step does."""
        fields = self._reader.mapping(value, path)
        verbs = [key for key in fields if key in VERBS]
        for key in fields:
            if key in SHELL:
                self._reader.wrong((*path, key), f"{NO_SHELL}: {', '.join(VERBS)}")
        if len(verbs) != 1:
            if fields and not any(key in SHELL for key in fields):
                self._without_verb(fields, verbs, path)
            return None
        self._reader.only(fields, path, (verbs[0], *OPTIONS, *SHELL))
        return self._move(DrillVerb(verbs[0]), fields, path)

    def _without_verb(self, fields: dict[str, Any], verbs: list[str], path: Path) -> None:
        if verbs:
            self._reader.wrong(path, f"expected one thing to do, found {' and '.join(verbs)}")
            return
        others = [key for key in fields if key not in OPTIONS]
        hint = nearest(others[0], VERBS) if others else f"; one of: {', '.join(VERBS)}"
        self._reader.wrong(path, f"expected one thing to do{hint}")

    def _move(self, verb: DrillVerb, fields: dict[str, Any], path: Path) -> DrillStep:
        at = (*path, str(verb))
        value = fields[str(verb)]
        expect = [self._expected(item, where) for where, item in self._items(fields, "expect", path)]
        unit, on, count = self._aim(verb, value, at, fields, path)
        if verb is DrillVerb.WATCH:
            lasting = self._bound(value, at)
            expect = [*expect, VipStays(lasting)] if lasting else expect
        return DrillStep(
            verb=verb,
            unit=unit,
            on=on,
            count=count,
            expect=tuple(each for each in expect if each is not None),
            transitions=self._entered_list(fields, "transitions", path, STATES),
            notify=self._entered_list(fields, "notify", path, (*STATES, "STOP")),
            line=self._reader.line(path),
        )

    def _aim(
        self, verb: DrillVerb, value: Any, at: Path, fields: dict[str, Any], path: Path
    ) -> tuple[str | None, str, int]:
        """What is acted on: (unit, where, how many)."""
        if verb in MACHINE_VERBS or verb not in (*UNIT_VERBS, *MACHINE_VERBS):
            if "node" in fields:
                self._reader.wrong((*path, "node"), f"goes with {', '.join(UNIT_VERBS)}; not with {verb}")
            if verb in MACHINE_VERBS:
                return None, self._who(value, at), 0
            if verb is DrillVerb.SWITCHOVER:
                self._reader.word(value, at, (STANDBY,), "`standby`: the VIP goes to it")
            count = self._reader.number(value, at, 1, MOST_REQUESTS) if verb is DrillVerb.REQUESTS else 0
            return None, OWNER, count
        where = self._where(verb, fields.get("node", OWNER), (*path, "node"))
        return self._unit(value, at), where, 0

    def _unit(self, value: Any, path: Path) -> str:
        given = self._reader.text(value, path, "a systemd unit such as nginx")
        text = given.removesuffix(".service")
        if given and not UNIT.fullmatch(text):
            self._reader.wrong(path, f"expected a systemd unit such as nginx, found {shown(value)}")
        elif text and self._units is not None and text not in self._units:
            self._reader.wrong(path, f"the profile has no unit {text!r}{nearest(text, self._units)}")
        return text

    def _where(self, verb: DrillVerb, value: Any, path: Path) -> str:
        if value == EACH:
            if verb not in (DrillVerb.RESTART, DrillVerb.RELOAD):
                self._reader.wrong(path, "`each` goes with restart and reload: one node must go on serving")
            return EACH
        return self._who(value, path)

    def _who(self, value: Any, path: Path) -> str:
        if not isinstance(value, str) or not NODE.fullmatch(value) or value == EACH:
            self._reader.wrong(path, f"expected {' or '.join(ROLES)} or a node's name, found {shown(value)}")
            return OWNER
        if self._nodes is not None and value not in (*ROLES, *self._nodes):
            hint = nearest(value, (*ROLES, *self._nodes))
            self._reader.wrong(path, f"neither a role nor a node of the profile: {value!r}{hint}")
        return value

    # --- what must follow ---

    def _items(self, fields: dict[str, Any], key: str, path: Path) -> list[tuple[Path, Any]]:
        return self._reader.items(fields.get(key), (*path, key))

    def _expected(self, value: Any, path: Path) -> Expected | None:
        fields = self._reader.mapping(value, path)
        kinds = [key for key in fields if key in KINDS]
        if len(kinds) != 1:
            if isinstance(value, dict):
                hint = f": {', '.join(KINDS)}" if kinds else nearest(next(iter(fields), ""), KINDS)
                self._reader.wrong(path, f"expected one expectation{hint}")
            return None
        kind = kinds[0]
        timed = kind in ("vip", "state")
        self._reader.only(fields, path, (kind, "within") if timed else (kind,))
        return self._timed(kind, fields, path) if timed else self._plain(kind, fields[kind], (*path, kind))

    def _timed(self, kind: str, fields: dict[str, Any], path: Path) -> Expected | None:
        if "within" not in fields:
            self._reader.wrong(path, "needs `within`: until when it must be so")
            return None
        within = self._bound(fields["within"], (*path, "within"))
        if kind == "vip":
            who = self._who(fields[kind], (*path, kind))
            return VipMovesTo(who, within) if within else None
        entered = self._entered(fields[kind], (*path, kind), STATES)
        return StateOf(entered.who, entered.state, within) if within and entered else None

    def _plain(self, kind: str, value: Any, path: Path) -> Expected | None:
        if kind == "failed_requests":
            return FailedRequests(self._reader.number(value, path, 0, 1_000_000))
        if kind == "split":
            self._reader.word(value, path, ("even",), "`even`")
            return EvenSplit()
        bound = self._bound(value, path)
        if bound is None:
            return None
        return VipStays(bound) if kind == "vip_stays" else Outage(bound)

    def _bound(self, value: Any, path: Path) -> Bound | None:
        text = self._reader.text(value, path, "a time such as `3 s` or `vrrp.max * 1.2`")
        try:
            return parse_bound(text) if text else None
        except ValueError as error:
            self._reader.wrong(path, str(error))
            return None

    def _entered_list(
        self, fields: dict[str, Any], key: str, path: Path, states: Collection[str]
    ) -> tuple[StateEntered, ...]:
        found = [self._entered(item, where, states) for where, item in self._items(fields, key, path)]
        return tuple(each for each in found if each is not None)

    def _entered(self, value: Any, path: Path, states: Collection[str]) -> StateEntered | None:
        words = value.split() if isinstance(value, str) else []
        if len(words) != 2:
            self._reader.wrong(path, f"expected `WHO STATE` such as `standby MASTER`, found {shown(value)}")
            return None
        who = self._who(words[0], path)
        state = self._reader.word(words[1], path, states, "a VRRP state")
        return StateEntered(who, VrrpState(state)) if state else None
