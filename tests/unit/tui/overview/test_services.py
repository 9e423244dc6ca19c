"""The service x node matrix."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.model.events import DatastoreProbed, HttpProbed, Target
from iamops.model.facts import ProbeOutcome
from iamops.model.profile import Profile
from iamops.model.state import ClusterState
from iamops.tui.overview.services import ServiceMatrix, matrix_rows, transposed
from iamops.tui.toolkit.painted import ViewState
from iamops.tui.toolkit.pane import rule
from iamops.tui.toolkit.text import PaneContent, text_of
from tests.support import scenes
from tests.support.scenes import NOW, A, B, bad, fed


def matrix(view: ViewState, width: int, cursor: int = 0) -> PaneContent:
    pane = ServiceMatrix()
    pane.go_to_column(cursor)
    return pane.content(view, width, 9)


def rows(state: ClusterState, width: int = 80, **more: object) -> list[str]:
    return [text_of(row.line).rstrip() for row in matrix(ViewState(state, NOW, **more), width).rows]  # type: ignore[arg-type]


def cell(state: ClusterState, row: str, node: int) -> str:
    picture = matrix(ViewState(state, NOW), 80)
    found = next(r for r in picture.rows if r.key.endswith(row))
    place = found.cells[node]
    return text_of(found.line)[place.start : place.start + place.width].rstrip()


def detail(state: ClusterState, row: str, node: int) -> str:
    picture = matrix(ViewState(state, NOW), 80)
    return next(r for r in picture.rows if r.key.endswith(row)).cells[node].detail


def test_every_promised_thing_has_a_row() -> None:
    assert rows(scenes.healthy()) == [
        " nginx  iam.api.marmotedu.com    ● OK    1.2 ms         ● OK    1.2 ms",
        " nginx  iam.authz.marmotedu.com  ● OK    1.2 ms         ● OK    1.2 ms",
        " direct iam-apiserver            ● OK    0.9 ms         ● OK    0.9 ms",
        " direct iam-authz-server         ● OK    0.9 ms         ● OK    0.9 ms",
        " direct iam-pump                 ● OK    0.9 ms         ● OK    0.9 ms",
        " store  mariadb @iam-a           ● OK    0.6 ms         ● OK    0.6 ms",
        " store  redis @iam-a             ● OK    0.6 ms         ● OK    0.6 ms",
        " store  mongodb @iam-a           ● OK    0.6 ms         ● OK    0.6 ms",
    ]


def test_the_nodes_head_their_columns() -> None:
    picture = matrix(ViewState(scenes.healthy(), NOW), 80)
    title = text_of(rule(picture, 80))
    first = picture.rows[0].cells
    assert title[first[0].start :].startswith("iam-a")
    assert title[first[1].start :].startswith("iam-b")


@pytest.mark.parametrize(
    ("report", "shown"),
    [
        (bad(ProbeOutcome.BAD_ANSWER, status=502), "✗ DOWN  HTTP 502"),
        (bad(ProbeOutcome.BAD_ANSWER, status=404), "▲ WARN  HTTP 404"),
        (bad(ProbeOutcome.REFUSED), "✗ DOWN  refused"),
        (bad(ProbeOutcome.TIMEOUT), "✗ DOWN  timeout"),
    ],
)
def test_what_came_of_a_probe(report: object, shown: str) -> None:
    event = HttpProbed(NOW - 0.1, A, A, Target.DOMAIN, scenes.DOMAINS[0], report)  # type: ignore[arg-type]
    assert cell(fed(scenes.healthy(), [event]), scenes.DOMAINS[0], 0) == shown


def test_a_service_its_peer_cannot_reach_is_a_warning_that_names_the_peer() -> None:
    event = HttpProbed(NOW - 0.1, A, B, Target.SERVICE, "iam-apiserver", bad(ProbeOutcome.REFUSED))
    state = fed(scenes.healthy(), [event])
    assert cell(state, "iam-apiserver", 0) == "▲ WARN  iam-b refused"
    assert "from iam-b: ✗ DOWN (refused)" in detail(state, "iam-apiserver", 0)


def test_a_service_that_only_the_peer_reaches_is_down_and_says_so() -> None:
    event = HttpProbed(NOW - 0.1, A, A, Target.SERVICE, "iam-pump", bad(ProbeOutcome.TIMEOUT))
    assert cell(fed(scenes.healthy(), [event]), "iam-pump", 0) == "✗ DOWN  but iam-b OK"


def test_a_service_of_an_unknown_node_that_its_peer_reaches_is_unknown_with_that_news() -> None:
    event = HttpProbed(NOW - 0.1, B, A, Target.SERVICE, "iam-apiserver", scenes.ok())
    state = fed(scenes.dark(), [event])
    assert cell(state, "iam-apiserver", 1) == "? UNKNOWN iam-a OK"
    assert "no answer on 10.0.4.21:22" in detail(state, "iam-apiserver", 1)


def test_a_datastore_that_does_not_let_a_node_in() -> None:
    event = DatastoreProbed(NOW - 0.1, B, "mariadb", bad(ProbeOutcome.HOST_NOT_ALLOWED, "error 1130"))
    state = fed(scenes.healthy(), [event])
    assert cell(state, "mariadb", 1) == "✗ DOWN  not allowed"
    assert detail(state, "mariadb", 1) == "mariadb @iam-a from iam-b: ✗ DOWN (not allowed) · error 1130"


def test_stale_and_unknown_columns() -> None:
    assert cell(scenes.dark(silent_s=6), "redis", 1) == "◌ STALE 6s was OK"
    assert cell(scenes.dark(), "redis", 1) == "? UNKNOWN"
    assert cell(scenes.dark(), "redis", 0) == "● OK    0.6 ms"


def test_no_word_of_a_cell_is_ever_cut() -> None:
    for width in range(60, 121):
        assert "…" not in "".join(rows(scenes.troubled(), width)), width


def test_the_filter_keeps_rows_by_name_and_by_state() -> None:
    assert len(rows(scenes.healthy(), filter_text="MONGO")) == 1
    assert len(rows(scenes.troubled(), filter_text="down")) == 4


def test_a_service_that_does_not_run_on_a_node_is_not_down_there() -> None:
    raw = scenes.profile().model_dump(mode="json")
    raw["services"]["iam-pump"]["nodes"] = [A]
    state = ClusterState.of(Profile.model_validate({**raw, "services": _unnamed(raw["services"])}))
    assert cell(state, "iam-pump", 1) == "– not here"


def _unnamed(section: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    return {name: {k: v for k, v in entry.items() if k != "name"} for name, entry in section.items()}


def test_many_nodes_turn_the_matrix_round() -> None:
    state = scenes.many()
    moment = ViewState(state, NOW)
    assert transposed(moment, 200)
    assert matrix_rows(moment, 200) == 50
    assert matrix(moment, 80).rows.keys[0] == "iam-01"


def test_in_a_turned_matrix_the_cursors_column_is_in_sight() -> None:
    moment = ViewState(scenes.many(), NOW)
    assert matrix(moment, 80, cursor=0).rows[0].cells[0].width > 0
    last = matrix(moment, 80, cursor=7)
    assert last.rows[0].cells[7].width > 0
    assert "mongodb" in text_of(rule(last, 80))
    assert [span.text for span in last.marks] == ["←"]


def test_a_turned_matrix_filters_nodes() -> None:
    kept = matrix(replace(ViewState(scenes.many(), NOW), filter_text="iam-33"), 80)
    assert kept.rows.keys == ("iam-33",)
