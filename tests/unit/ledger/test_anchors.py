"""Ledgers against the journals of nodes: whatever is bent behind an anchor is found, and nothing else is."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from iamops.ledger.anchors import Misfit, compare, proven
from iamops.model.journal import Anchor, AnchorLine, Chain, anchor_of

HERE, ELSEWHERE = "a" * 12, "b" * 12
Hashes = list[str]


def hashes(count: int, seed: str) -> Hashes:
    """Each depends on the one before, as in a ledger."""
    found: Hashes = []
    for n in range(1, count + 1):
        found.append(hashlib.sha256(f"{found[-1] if found else ''} {n} {seed}".encode()).hexdigest())
    return found


def chain(found: Hashes) -> Chain:
    heads = frozenset((n, each[:32]) for n, each in enumerate(found, start=1))
    return Chain(found[0][:16] if found else None, heads, len(found))


def line(found: Hashes, n: int, *, place: str = HERE, by: str = "alice@laptop") -> AnchorLine:
    return AnchorLine(anchor_of(found[0], n, found[n - 1], place), 1_700_000_000.0 + n, f"run{n}", 1000, by)


# --- ways to bend a ledger of which record `n` is anchored; the chain and its side file fit again each time ---


def _cut(found: Hashes, n: int, rng: random.Random) -> Hashes:
    return found[: rng.randrange(n)]


def _cut_and_gone_on(found: Hashes, n: int, rng: random.Random) -> Hashes:
    """As iamops itself goes on after a truncation, or a restored copy: with other records."""
    kept = found[: rng.randrange(n)]
    more = hashes(rng.randint(1, 60), f"later {rng.random()}")
    return [*kept, *more]


def _one_rewritten(found: Hashes, n: int, rng: random.Random) -> Hashes:
    """And with it all that follow it."""
    at = rng.randrange(n)
    return [*found[:at], *hashes(len(found) - at, f"rewritten {rng.random()}")]


def _one_left_out(found: Hashes, n: int, rng: random.Random) -> Hashes:
    at = rng.randrange(n)
    return [*found[:at], *hashes(len(found) - at - 1, f"without {rng.random()}")]


def _one_put_in(found: Hashes, n: int, rng: random.Random) -> Hashes:
    at = rng.randrange(n)
    return [*found[:at], *hashes(len(found) - at + 1, f"one more {rng.random()}")]


def _removed(found: Hashes, n: int, rng: random.Random) -> Hashes:
    return []


def _begun_anew(found: Hashes, n: int, rng: random.Random) -> Hashes:
    return hashes(rng.randint(1, 60), f"anew {rng.random()}")


WAYS: tuple[Callable[[Hashes, int, random.Random], Hashes], ...] = (
    _cut,
    _cut_and_gone_on,
    _one_rewritten,
    _one_left_out,
    _one_put_in,
    _removed,
    _begun_anew,
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_whatever_is_bent_behind_an_anchor_is_found_on_the_node_that_has_it(way):
    rng = random.Random(way.__name__)
    for seed in range(300):
        found = hashes(rng.randint(1, 40), str(seed))
        anchored = sorted(rng.sample(range(1, len(found) + 1), rng.randint(1, len(found))))
        lines: dict[str, list[AnchorLine]] = {"iam-a": [], "iam-b": []}
        for n in anchored:
            for node in rng.choice((["iam-a"], ["iam-b"], ["iam-a", "iam-b"])):
                lines[node].append(line(found, n))
        other = hashes(5, f"bob {seed}")
        lines["iam-b"] += [line(other, 3, place=ELSEWHERE, by="bob@desk")]
        whole = {node: compare(each, chain(found), {HERE}, intact=len(found)) for node, each in lines.items()}
        assert not any(each.unfit for each in whole.values())
        assert proven(whole) == anchored[-1]
        bent = way(found, anchored[-1], rng)
        after = {node: compare(each, chain(bent), {HERE}, intact=len(bent)) for node, each in lines.items()}
        last = line(found, anchored[-1])
        for node in (name for name, each in lines.items() if last in each):
            assert last in [each.line for each in after[node].unfit]
        assert all(each.line.by != "bob@desk" for at in after.values() for each in at.unfit)
        assert [each.ledger for each in after["iam-b"].others] == [other[0][:16]]


def test_a_ledger_that_only_grew_is_as_it_was():
    found = hashes(50, "x")
    compared = compare([line(found, n) for n in (1, 7, 30)], chain(found), {HERE}, intact=50)
    assert (compared.matched, compared.unfit, compared.others) == (3, (), ())
    assert compared.proven is not None
    assert compared.proven.anchor.n == 30


def test_a_shorter_ledger_another_record_and_another_ledger_are_told_apart():
    found, kept = hashes(10, "x"), hashes(10, "x")[:6]
    (missing,) = compare([line(found, 9)], chain(kept), {HERE}, intact=6).unfit
    assert (missing.kind, missing.reason) == (
        Misfit.MISSING,
        "record 9 had been written, and the ledger ends with record 6",
    )
    (differs,) = compare([line(found, 9)], chain([*kept, *hashes(9, "y")]), {HERE}, intact=15).unfit
    assert (differs.kind, differs.reason) == (Misfit.DIFFERS, "record 9 is not the one that had been written")
    new = hashes(3, "new")
    (replaced,) = compare([line(found, 9)], chain(new), {HERE}, intact=3).unfit
    assert replaced.kind is Misfit.REPLACED
    assert replaced.reason.endswith(f"and ledger {new[0][:16]} stands in the file now")
    (gone,) = compare([line(found, 9)], chain([]), {HERE}, intact=0).unfit
    assert gone.reason.endswith("and the file holds no record now")


def test_a_ledger_that_was_moved_away_is_compared_where_it_is_named():
    earlier, new = hashes(10, "x"), hashes(3, "new")
    lines = [line(earlier, 9), line(new, 2)]
    compared = compare(lines, chain(new), {HERE}, intact=3, earlier=[chain(earlier)])
    assert (compared.matched, compared.unfit) == (2, ())
    cut = compare(lines, chain(new), {HERE}, intact=3, earlier=[chain(earlier[:5])])
    assert [each.kind for each in cut.unfit] == [Misfit.MISSING]


def test_other_operators_ledgers_are_counted_and_named():
    found, bobs = hashes(4, "x"), hashes(9, "bob")
    lines = [line(bobs, n, place=ELSEWHERE, by="bob@desk") for n in (2, 3, 9)]
    compared = compare([*lines, line(found, 4)], chain(found), {HERE}, intact=4)
    (other,) = compared.others
    assert (other.ledger, other.lines, other.by) == (bobs[0][:16], 3, ("bob@desk",))
    assert (other.first_at, other.last_at) == (1_700_000_002.0, 1_700_000_009.0)
    assert compared.lines == 4


def test_a_line_behind_a_broken_record_vouches_for_nothing():
    found = hashes(10, "x")
    compared = compare([line(found, 2), line(found, 9)], chain(found), {HERE}, intact=5)
    assert compared.proven is not None
    assert (compared.matched, compared.proven.anchor.n) == (2, 2)


def test_a_record_is_taken_for_no_other_number():
    found = hashes(10, "x")
    moved = line(found, 5)
    moved = replace(moved, anchor=Anchor(moved.anchor.ledger, 6, moved.anchor.head, HERE))
    assert [each.kind for each in compare([moved], chain(found), {HERE}, intact=10).unfit] == [Misfit.DIFFERS]
