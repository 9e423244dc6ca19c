"""Whether an empty answer of the journal means that nothing happened."""

from __future__ import annotations

import pytest

from iamops.parse.journal import JournalExtent, journal_extent

NOW = 1_700_000_000


def said(**parts: str) -> str:
    return "".join(f"\n==iamops begin {name}==\n{text}\n==iamops end 0==\n" for name, text in parts.items())


def entry(at: float) -> str:
    return f'{{"__REALTIME_TIMESTAMP":"{int(at * 1e6)}","_BOOT_ID":"1"}}'


WELL = {"now": f"{NOW}", "init": "  90000", "storage": "", "newest": entry(NOW - 2), "oldest": entry(NOW - 86400)}


def test_a_journal_that_is_kept_tells_of_the_whole_hour():
    found = journal_extent(said(**WELL))
    assert found == JournalExtent(NOW, NOW - 86400, NOW - 2, NOW - 90000)
    assert found.unavailable == ""
    assert found.since(3600) == NOW - 3600


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"storage": "none"}, "keeps no journal (Storage=none)"),
        ({"storage": "None"}, "keeps no journal (Storage=none)"),
        ({"newest": "", "oldest": ""}, "no entry at all"),
        ({"newest": "No journal files were found."}, "no entry at all"),
        ({"newest": entry(NOW - 1200)}, "nothing was written to the journal for 20 min"),
    ],
)
def test_silence_of_a_journal_that_is_not_kept_is_no_peace(changed: dict[str, str], why: str):
    found = journal_extent(said(**(WELL | changed)))
    assert found is not None
    assert why in found.unavailable


def test_what_was_logged_before_its_beginning_is_not_known_but_a_boot_is_a_beginning():
    rotated = journal_extent(said(**(WELL | {"oldest": entry(NOW - 300)})))
    booted = journal_extent(said(**(WELL | {"init": "301", "oldest": entry(NOW - 300)})))
    volatile = journal_extent(said(**(WELL | {"init": "301", "oldest": entry(NOW - 300), "storage": "volatile"})))
    assert [found.since(3600) if found else None for found in (rotated, booted, volatile)] == [
        NOW - 300,
        NOW - 3600,
        NOW - 301,
    ]


def test_what_does_not_even_tell_the_time_tells_nothing():
    assert journal_extent("") is None
    assert journal_extent(said(now="soon")) is None
    odd = journal_extent(
        said(now=f"{NOW}", init="x", newest="[]", oldest='{"__REALTIME_TIMESTAMP":7}', storage="\x1b[2J")
    )
    assert odd is not None
    assert (odd.oldest, odd.newest, odd.booted) == (None, None, None)
