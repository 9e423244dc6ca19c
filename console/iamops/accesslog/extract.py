"""How values are taken out of a line: the few searches that a format and the wanted variables need. Pure.

The rules are the same here and in a node's awk, so any line gives the same values on both sides. What stands
before the first text that a client chooses is taken from the left, what stands behind it found from the right.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, replace

from iamops.accesslog.shapes import SEPARATORS, VariableShape, anchored, literal_pattern, pattern, shape_of


@dataclass(frozen=True, slots=True)
class Token:
    """A literal piece of the line, or a variable's value."""

    text: str
    variable: bool = False

    @property
    def part(self) -> str | VariableShape:
        return shape_of(self.text) if self.variable else self.text


Tokens = tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class ExtractStep:
    """Takes one value. First `prefix` must stand there; or everything up to and with each of `skips` goes.

    The value has `width` characters, and then `until` must follow; or is what `whole` matches but for its last
    `back` characters, and then `until` must follow; or ends where `until` first occurs, or with the piece.
    `last`: no more is taken from this piece.
    """

    variable: str
    prefix: str = ""
    skips: tuple[str, ...] = ()
    width: int = 0
    whole: str = ""
    back: int = 0
    until: str = ""
    last: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """Finds the piece's tail: what begins with its only `literal`, or else matches `tail` up to its end.

    `width`: the tail always has so many characters. `client` takes a value out of what stands before the tail;
    then more is taken out of what follows the literal.
    """

    literal: str
    tail: str
    width: int = 0
    client: ExtractStep | None = None
    last: bool = False


@dataclass(frozen=True, slots=True)
class _TokenRun:
    """Tokens whose values can be taken one after the other. `open`: the last one goes on up to the tail.

    `counted`: the last one is a list to which a client may have added entries.
    """

    tokens: Tokens
    open: bool
    tail: Tokens
    counted: bool = False


def findable(tokens: Tokens) -> frozenset[str]:
    """The variables of a piece whose values can be found, and that no client's text can move or stretch."""
    sure = (run.tokens[:-1] if run.counted else run.tokens for run in _token_runs(tokens))
    return frozenset(token.text for known in sure for token in known if token.variable)


def countable(tokens: Tokens) -> frozenset[str]:
    """The list of a piece whose first entries are sure, and behind them a client may have written others."""
    return frozenset(run.tokens[-1].text for run in _token_runs(tokens) if run.counted)


def plan_of(tokens: Tokens, wanted: Container[str]) -> tuple[ExtractStep | Cut, ...]:
    """What takes the wanted variables out of one piece of the line, from left to right."""
    found: list[ExtractStep | Cut] = []
    runs = list(_token_runs(tokens))
    needed = [any(token.variable and token.text in wanted for token in run.tokens) for run in runs]
    for number, run in enumerate(runs):
        if not any(needed[number:]):
            break
        plan: list[ExtractStep | Cut] = list(_run_steps(run, wanted))
        last = plan.pop() if run.open and run.tokens[-1].text in wanted else None
        if run.tail and (last is not None or any(needed[number + 1 :])):
            client = replace(last, last=True) if isinstance(last, ExtractStep) else None
            parts = [token.part for token in run.tail]
            widths = [len(part) if isinstance(part, str) else part.width for part in parts]
            width = sum(widths) if all(widths) else 0
            plan.append(Cut(run.tail[0].text, pattern(parts), width, client))
        elif last is not None:
            plan.append(last)
        found += plan
    return (*found[:-1], replace(found[-1], last=True)) if found else ()


def extract(piece: str, plan: tuple[ExtractStep | Cut, ...]) -> dict[str, str]:
    """The values; empty from where the piece is not as planned."""
    found: dict[str, str] = {}
    for step in plan:
        if isinstance(step, ExtractStep):
            found[step.variable], piece = _take_value(piece, step)
            continue
        before, piece = _split_at_tail(piece, step)
        if step.client is not None:
            found[step.client.variable], _ = _take_value(before, step.client)
    return found


def _token_runs(tokens: Tokens) -> Iterator[_TokenRun]:
    """Each run begins behind what was cut off before it."""
    while tokens:
        variables = (at for at, token in enumerate(tokens) if token.variable)
        at = next((at for at in variables if not _shows_its_end(tokens, at)), None)
        if at is None:
            yield _TokenRun(tokens, open=False, tail=())
            return
        if _counted(tokens, at):
            yield _TokenRun(tokens[: at + 1], open=False, tail=(), counted=True)
            return
        behind = range(at + 1, len(tokens))
        begin = next((n for n in behind if anchored([token.part for token in tokens[n:]])), len(tokens))
        tail = tokens[begin:]
        is_open = begin == at + 1 and (bool(tail) or shape_of(tokens[at].text).client)
        yield _TokenRun(tokens[: at + is_open], open=is_open, tail=tail)
        tokens = tail[1:]


def _shows_its_end(tokens: Tokens, at: int) -> bool:
    """Whether a value with a known beginning shows where it ends."""
    shape = shape_of(tokens[at].text)
    if shape.client:
        return False
    if at + 1 == len(tokens) or shape.width or _ended_by_literal(tokens, at):
        return True
    if shape.many:
        return not _goes_on(tokens, at, clients=True)
    return bool(shape.exact) or _ended_by_last(tokens, at)


def _goes_on(tokens: Tokens, at: int, *, clients: bool) -> bool:
    """Whether what stands behind a list could be taken for more of it. `clients`: also what a client writes."""
    until, behind = tokens[at + 1].text, tokens[at + 2 : at + 3]
    if until[0] in shape_of(tokens[at].text).more or until.startswith(SEPARATORS):
        return True
    begins = any(separator.startswith(until) for separator in SEPARATORS)
    return clients and begins and any(shape_of(token.text).client for token in behind)


def _counted(tokens: Tokens, at: int) -> bool:
    """A list that only a client's text could go on with, and nothing else of use stands behind it."""
    if not shape_of(tokens[at].text).many or _goes_on(tokens, at, clients=False):
        return False
    return all(shape_of(token.text).client for token in tokens[at + 1 :] if token.variable)


def _ended_by_last(tokens: Tokens, at: int) -> bool:
    """Whether the last such literal ends it, before what is no part of the value: `$remote_addr:$remote_port `."""
    until, *behind = tokens[at + 1 : at + 4]
    if not until.text or not behind or shape_of(behind[0].text).chars.intersection(until.text):
        return False
    return len(behind) == 1 or behind[1].text[:1] not in shape_of(tokens[at].text).chars


def _ended_by_literal(tokens: Tokens, at: int) -> bool:
    """Whether the literal behind a value has a character that no such value has: the value ends there."""
    return at + 1 < len(tokens) and not shape_of(tokens[at].text).chars.issuperset(tokens[at + 1].text)


def _run_steps(run: _TokenRun, wanted: Container[str]) -> Iterator[ExtractStep]:
    tokens = run.tokens
    named = [at for at, token in enumerate(tokens) if token.variable and token.text in wanted]
    if not named:
        return
    # What does not end at the first occurrence of the next literal must be taken to get behind it.
    passed_by = [at for at in range(named[-1]) if tokens[at].variable and not _ended_by_literal(tokens, at)]
    at = 0
    for index in sorted({*named, *passed_by}):
        passed = tokens[at:index]
        shape, name = shape_of(tokens[index].text), tokens[index].text
        at_start = at == 0 and index == 1 and not passed[0].variable
        until = tokens[index + 1].text if index + 1 < len(tokens) else ""
        whole, back = _whole(tokens, index, counted=run.counted)
        yield ExtractStep(
            name if index in named else "",
            prefix=passed[0].text if at_start else "",
            skips=() if at_start else _literals_to_skip(passed),
            width=shape.width,
            whole=whole,
            back=back,
            until=until,
        )
        at = index + 2


def _whole(tokens: Tokens, at: int, *, counted: bool) -> tuple[str, int]:
    """What a value matches that neither its width nor the next literal ends; and how much too far that goes."""
    shape, at_end = shape_of(tokens[at].text), at + 1 == len(tokens)
    if shape.client or shape.width or (at_end and not (counted and shape.many)) or _ended_by_literal(tokens, at):
        return "", 0
    if shape.many or shape.exact:
        return shape.exact or shape.pattern, 0
    until = tokens[at + 1].text
    return f"{shape.pattern}{literal_pattern(until)}", len(until)


def _literals_to_skip(passed: Tokens) -> tuple[str, ...]:
    """One search where the last literal has something that nothing before it has; its last character may do."""
    if not passed:
        return ()
    *before, last = passed
    earlier = {char for token in before for char in (shape_of(token.text).chars if token.variable else token.text)}
    if last.text[-1] not in earlier and last.text.index(last.text[-1]) == len(last.text) - 1:
        return (last.text[-1],)
    if not earlier.issuperset(last.text):
        return (last.text,)
    return tuple(token.text for token in passed if not token.variable)


def _split_at_tail(piece: str, cut: Cut) -> tuple[str, str]:
    """What stands before the tail, and what follows its literal; both empty where there is no tail."""
    if cut.width:
        at = len(piece) - cut.width
        at = at if at >= 0 and piece.startswith(cut.literal, at) else -1
    else:
        at = piece.find(cut.literal)
        if at >= 0 and piece.find(cut.literal, at + 1) >= 0:
            match = re.search(rf"{cut.tail}\Z", piece)
            at = match.start() if match is not None else -1
    return ("", "") if at < 0 else (piece[:at], piece[at + len(cut.literal) :])


def _take_value(piece: str, step: ExtractStep) -> tuple[str, str]:
    if step.prefix:
        piece = piece[len(step.prefix) :] if piece.startswith(step.prefix) else ""
    for literal in step.skips:
        piece = piece.partition(literal)[2]
    if step.whole:
        match = re.match(step.whole, piece)
        return _cut_before(piece, match.end() - step.back, step.until) if match is not None else ("", "")
    if step.width:
        return _cut_before(piece, step.width, step.until)
    if not step.until:
        return piece, ""
    value, found, rest = piece.partition(step.until)
    return (value, rest) if found else ("", "")


def _cut_before(piece: str, end: int, until: str) -> tuple[str, str]:
    """The first characters, if `until` follows them, and what stands behind."""
    if until and not piece.startswith(until, end):
        return "", ""
    return piece[:end], piece[end + len(until) :]
