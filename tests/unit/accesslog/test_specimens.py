"""Formats as operators write them: counted alike here and by every awk, or refused with the reason."""

from __future__ import annotations

import pytest

from iamops.accesslog.count import CountQuery, counted
from iamops.accesslog.format import FormatError, named_format
from tests.support.access_logs import AWKS, by_awk
from tests.support.format_specimens import expected, format_specimens, totals
from tests.support.made_formats import tried

ALL = format_specimens()
COUNTED = [name for name, entry in ALL.items() if "lines" in entry]
REFUSED = [name for name, entry in ALL.items() if "refused" in entry]


def test_there_are_enough_of_them():
    assert len(COUNTED) + len(REFUSED) == len(ALL) >= 60


@pytest.mark.parametrize("name", COUNTED)
def test_the_totals_of_a_format_are_right(name: str):
    entry = ALL[name]
    query = CountQuery(named_format(entry["format"]))
    here = counted(query, entry["lines"].encode().split(b"\n")[:-1])
    wanted = expected(entry)
    found = totals(query, here)
    assert {key: found[key] for key in wanted} == wanted
    assert wanted.get("unparsed", 0) == found["unparsed"]


@pytest.mark.parametrize("awk", AWKS, ids=lambda words: words[0])
@pytest.mark.parametrize("name", COUNTED)
def test_every_awk_counts_the_same(name: str, awk: list[str]):
    entry = ALL[name]
    query = CountQuery(named_format(entry["format"]))
    log = entry["lines"].encode()
    assert by_awk(query, log, awk) == counted(query, log.split(b"\n")[:-1])


@pytest.mark.parametrize("name", REFUSED)
def test_a_format_that_cannot_be_read_for_sure_is_refused_with_the_reason(name: str):
    with pytest.raises(FormatError) as refused:
        named_format(ALL[name]["format"])
    assert ALL[name]["refused"] in str(refused.value)


def test_random_formats_with_lists_count_what_was_requested_here_and_in_every_awk():
    done = tried("unit", 60, 40)
    assert done.lines == 60 * 40
    assert done.lists > done.formats // 3
