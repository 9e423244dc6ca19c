"""The access logs of the last minutes: real errors, a step after a move, an uneven split."""

from __future__ import annotations

from iamops.judge.findings import Finding
from iamops.model.inspection import JournalEventKind
from tests.support.cluster_states import NOW
from tests.support.looks import A, B, asked, blind, found, journal, node_look, requests, traffic_look, view

K = "keepalived"


def test_real_requests_that_fail_while_the_health_pages_are_fine():
    slots = {int(NOW) - 20: requests(10, 10, at_10_0_4_21__8080=(10, 10))}
    at = view(traffic={A: traffic_look(slots), B: traffic_look()})
    (finding,) = [each for each in asked("requests-failing", at) if isinstance(each, Finding)]
    assert finding.title.startswith("iam-apiserver is healthy, and 10 of 20")
    assert any("10.0.4.21:8080: 10 of 10" in each.value for each in finding.evidence)


def moved_at(ago: float):
    said = journal((ago, K, JournalEventKind.ENTERED, "VI_1", "(VI_1) Entering MASTER STATE"))
    return node_look(A, journal=said)


def test_errors_that_began_with_the_move():
    slots = {int(NOW) - 300: requests(100), int(NOW) - 100: requests(80, 20)}
    at = view(a=moved_at(200), traffic={A: traffic_look(slots), B: traffic_look()})
    assert found(asked("errors-since-move", at)) == ["errors-since-move"]
    same = {int(NOW) - 300: requests(80, 20), int(NOW) - 100: requests(80, 20)}
    assert found(asked("errors-since-move", view(a=moved_at(200), traffic={A: traffic_look(same)}))) == []


def test_errors_after_a_split_brain_are_not_blamed_on_a_move():
    """iam-b became MASTER beside the owner, and gave it up again: nothing has moved."""
    slots = {int(NOW) - 300: requests(100), int(NOW) - 100: requests(80, 20)}
    beside = node_look(
        B, journal=journal((200, K, JournalEventKind.ENTERED, "VI_1", "(VI_1) Entering MASTER STATE"))
    )
    at = view(b=beside, traffic={A: traffic_look(slots), B: traffic_look()})
    assert found(asked("errors-since-move", at)) == []
    assert [each.code for each in blind(asked("errors-since-move", at))] == []


def test_errors_that_are_over_are_no_finding_any_more():
    slots = {int(NOW) - 300: requests(100), int(NOW) - 150: requests(80, 20), int(NOW) - 40: requests(100)}
    assert found(asked("errors-since-move", view(a=moved_at(200), traffic={A: traffic_look(slots)}))) == []


def test_too_few_requests_around_a_move_are_no_all_clear():
    at = view(a=moved_at(200), traffic={A: traffic_look({int(NOW) - 300: requests(5)}), B: traffic_look()})
    assert "too few to compare" in blind(asked("errors-since-move", at))[0].because


def test_an_uneven_split_is_told_and_chance_is_not():
    def answers(own: int, peer: int) -> list[str]:
        backends = {"at_127_0_0_1__8080": (own, 0), "at_10_0_4_21__8080": (peer, 0)}
        slots = {int(NOW) - 60: requests(own + peer, **backends)}
        return found(asked("uneven-split", view(traffic={A: traffic_look(slots), B: traffic_look()})))

    assert answers(50, 50) == []
    assert answers(52, 48) == []
    assert answers(95, 5) == ["uneven-split"]


def test_a_format_without_backends_says_so():
    untold = "the log format has no backend ($upstream_addr); `logs.format: iamops` has"
    at = view(traffic={A: traffic_look({}, untold), B: traffic_look({}, untold)})
    assert {each.because for each in blind(asked("uneven-split", at))} == {untold}
