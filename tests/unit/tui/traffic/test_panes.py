"""Asking the Traffic view for less: typed expressions, and what is under the cursor."""

from __future__ import annotations

import pytest

from iamops.accesslog.filter import escaped, where
from iamops.accesslog.format import LogField
from iamops.accesslog.values import pattern_of
from iamops.model.traffic import OTHERS
from iamops.tui.traffic.panes import added, term_of
from tests.support.feeds import API, busy
from tests.support.screens import console
from tests.support.traffic_view import FAILURES, at_traffic, on, row, state, typed


async def test_the_filter_is_counted_with_when_it_is_complete():
    async with console(state(), operator=on(busy())) as seen:
        await at_traffic(seen, *typed(FAILURES)[:-1])
        assert seen.cluster.feed.filters == []
        await seen.press("enter")
        await seen.pilot.pause(0.2)
        assert seen.cluster.feed.filters == [FAILURES]
        assert f"/{FAILURES}" in seen.lines[1]
        assert row(seen, "all").split()[1] == "265"
        await seen.press("escape")
        await seen.pilot.pause(0.2)
        assert seen.cluster.feed.where == ""
        assert row(seen, "all").split()[1] == "14.7k"


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("stauts>=500", "'stauts>=500': no field 'stauts'; did you mean 'status'?"),
        ("nonsense", "'nonsense' is no comparison"),
        ("status>many", "'many' is no number"),
    ],
)
async def test_an_expression_that_says_nothing_is_told_and_the_old_filter_stays(expression: str, sentence: str):
    async with console(state(), operator=on(busy())) as seen:
        await at_traffic(seen, *typed(FAILURES), "slash", "ctrl+u", *typed(expression)[1:])
        await seen.pilot.pause(0.2)
        assert sentence in seen.foot
        assert seen.cluster.feed.filters == [FAILURES]
        assert f"/{FAILURES}" in seen.lines[1]


async def test_what_no_line_tells_cannot_be_asked_for():
    async with console(state(), operator=on(busy("main"))) as seen:
        await at_traffic(seen, *typed("host=a"))
        await seen.pilot.pause(0.2)
        assert "the log format has no host ($host); `logs.format: iamops` has" in seen.foot
        assert seen.cluster.feed.filters == []


async def test_escape_while_typing_keeps_the_filter_that_was_there():
    async with console(state(), operator=on(busy())) as seen:
        await at_traffic(seen, *typed("status=502"), "slash", "x", "escape")
        assert seen.cluster.feed.where == "status=502"


@pytest.mark.parametrize(
    ("keys", "expression"),
    [
        (["enter"], "path~^/v1/users/[^/]+$"),
        (["j", "enter"], "path=/v1/authz"),
        (["t", "enter"], f"host={API}"),
        (["t", "t", "j", "j", "enter"], "status=502"),
        (["t", "t", "t", "enter"], "client=10.0.4.1"),
        (["t", "t", "t", "t", "enter"], "method=GET"),
        (["tab", "enter"], "backend=10.0.4.20:8080"),
        (["shift+tab", "j", "enter"], "node=iam-a"),
        ([*typed("status=502"), "enter"], "status=502 path~^/v1/users/[^/]+$"),
    ],
)
async def test_enter_asks_for_what_is_under_the_cursor(keys: list[str], expression: str):
    async with console(state(), operator=on(busy())) as seen:
        await at_traffic(seen)
        for key in keys:
            await seen.press(key)
        await seen.pilot.pause(0.2)
        assert seen.cluster.feed.where == expression


async def test_a_line_that_is_no_row_says_why_it_cannot_be_asked_for():
    async with console(state(), operator=on(busy("main"))) as seen:
        await at_traffic(seen, "shift+tab", "enter")
        assert "all nodes: nothing to leave out" in seen.foot
        await seen.press("escape", "tab", "tab", "enter")
        assert "the log format has no backend ($upstream_addr)" in seen.foot
        assert seen.cluster.feed.filters == []


@pytest.mark.parametrize(
    "path",
    [
        "/v1/users/42",
        "/v1/users/42/secrets/0123abcd-77",
        "/a.b+c(d)[e]{f}|g$h^i*j\\k",
        "/with blank",
        "/with\"both'quotes",
        "/it's",
        '/say"so',
        "/日本",
        "/\x1b[31mred\n",
        "/" + "x" * 400,
        "",
    ],
)
def test_every_row_becomes_a_term_that_finds_its_own_requests(path: str):
    term = term_of("path", pattern_of(path))
    assert term is not None
    made = where(added("status=200", term))
    assert made.matches({LogField.STATUS: "200", LogField.PATH: escaped(path)})
    assert not made.matches({LogField.STATUS: "200", LogField.PATH: "/something/else"})
    assert made.awk(lambda field: str(field.name))
    assert term.isprintable()


def test_the_others_are_not_one_row_and_a_term_is_added_once():
    assert term_of("path", OTHERS) is None
    assert added("status=502", "status=502") == "status=502"
