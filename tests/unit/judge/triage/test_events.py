"""Findings over time: what came and went, what journals add, whether all is calm, and what stands now."""

from __future__ import annotations

from dataclasses import replace

from iamops.judge.findings import About, Diagnosis
from iamops.judge.triage.events import (
    KEPT,
    OVER_AFTER_S,
    UNITS_KEPT,
    ReportedFindings,
    earlier_inspection,
    inspection_only,
    recalled,
    signs,
    standing,
    tally,
)
from iamops.judge.triage.timeline import of_journal
from iamops.model.events import (
    AddressChanged,
    ClientProbed,
    DatastoreProbed,
    HostReported,
    HttpProbed,
    LinkChanged,
    NodeHeard,
    Target,
    UnitReported,
)
from iamops.model.facts import HostReport, Link, LinkState, ProbeOutcome, ProbeReport, Severity, UnitReport
from iamops.model.journal import TimelineEvent, TimelineEventKind
from iamops.model.observed import Known
from iamops.model.state import client_views
from iamops.parse.journal import JournalRecord
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.profiles import pair
from tests.support.triage_samples import AT, DARK, FLAPPING, NO_GRANT, SPLIT

OK_ANSWER = ProbeReport(ProbeOutcome.OK, 3.5, 200)
NO_ANSWER = ProbeReport(ProbeOutcome.TIMEOUT, detail="no answer within 1 s")


def test_a_healthy_pair_is_well_and_what_ticks_along_is_no_news():
    state = healthy()
    before = signs(state, NOW)
    assert before.bad == frozenset()
    ticking = (
        HttpProbed(NOW + 1, "iam-a", "iam-a", Target.SERVICE, "iam-pump", OK_ANSWER, 10.0),
        HostReported(NOW + 1, "iam-a", HostReport(load1=3.0)),
        NodeHeard(NOW + 1, "iam-b"),
    )
    assert signs(fed(state, ticking), NOW + 1) == before


def test_whatever_is_not_well_or_moves_is_news():
    state = healthy()
    before, vip = signs(state, NOW), state.profile.instance.address
    view = client_views(state.profile)[0]
    for event in (
        HttpProbed(NOW, "iam-a", "iam-a", Target.SERVICE, "iam-pump", NO_ANSWER),
        HttpProbed(NOW, "iam-a", "iam-a", Target.DOMAIN, state.profile.domains[0], NO_ANSWER),
        HttpProbed(NOW, "iam-a", "iam-b", Target.SERVICE, "iam-pump", NO_ANSWER),
        DatastoreProbed(NOW, "iam-b", "redis", NO_ANSWER),
        ClientProbed(NOW, view, NO_ANSWER),
        UnitReported(NOW, "iam-b", "nginx", UnitReport("failed")),
        LinkChanged(NOW, "iam-b", Link(LinkState.DOWN)),
        AddressChanged(NOW, "iam-a", vip, present=False),
    ):
        now = signs(fed(state, [event]), NOW)
        assert now.bad, event
        assert now != before, event


def test_a_process_that_came_anew_is_news_though_all_is_well():
    state = healthy()
    unit = state.nodes["iam-a"].units["nginx"]
    assert isinstance(unit, Known)
    again = UnitReported(NOW, "iam-a", "nginx", replace(unit.value, main_pid=4242))
    assert signs(fed(state, [again]), NOW) != signs(state, NOW)
    assert signs(fed(state, [again]), NOW).bad == frozenset()


def test_a_probe_keeps_what_it_promised():
    state = fed(healthy(), [HttpProbed(NOW, "iam-a", "iam-a", Target.SERVICE, "iam-pump", OK_ANSWER, 30.0)])
    assert state.nodes["iam-a"].services["iam-pump"].every_s == 30.0
    assert state.nodes["iam-a"].services["iam-pump"].lost("gone").every_s == 0.0


STALE = replace(SPLIT, code="stale-arp", title="the switch sends the VIP's packets elsewhere", explains=())


def texts(notices):
    return [each.text for each in notices]


def test_a_finding_is_told_when_it_comes_and_when_it_has_gone_for_a_while() -> None:
    told, said = ReportedFindings().step((NO_GRANT,), (), AT)
    assert texts(said) == [f"found: {NO_GRANT.title}"]
    told, said = told.step((NO_GRANT,), (), AT + 1)
    assert said == ()
    told, said = told.step((), (), AT + 60)
    assert said == (), "it may be back in a moment"
    told, (over,) = told.step((), (), AT + 60 + OVER_AFTER_S)
    assert (over.text, over.severity, over.at) == (f"over after 60 s: {NO_GRANT.title}", Severity.INFO, AT + 60)
    assert told.step((), (), AT + 90) == (ReportedFindings(), ())


def test_what_comes_and_goes_within_a_moment_is_one_finding() -> None:
    told, _ = ReportedFindings().step((NO_GRANT,), (), AT)
    for second in range(1, 20):
        told, said = told.step((NO_GRANT,) if second % 2 else (), (), AT + second)
        assert said == ()


def test_symptoms_are_told_with_their_cause_and_one_that_gets_a_cause_is_not_over() -> None:
    told, said = ReportedFindings().step((DARK,), (), AT)
    assert texts(said) == [f"found: {DARK.title}"]
    told, said = told.step((replace(STALE, explains=(DARK,)),), (), AT + 5)
    assert texts(said) == [f"found: {STALE.title} (explains 1 more)"]
    _, said = told.step((replace(STALE, explains=(DARK,)),), (), AT + 20)
    assert said == ()


def test_what_nobody_sees_any_more_is_not_over() -> None:
    told, _ = ReportedFindings().step((NO_GRANT, STALE), (), AT)
    told, said = told.step((), ("iam-b",), AT + 100)
    told, said = told.step((), ("iam-b",), AT + 200)
    assert said == ()
    told, said = told.step((), (), AT + 201)
    _, said = told.step((), (), AT + 201 + OVER_AFTER_S)
    assert len(said) == 2


def test_a_number_that_moves_makes_no_new_finding_and_two_units_of_a_node_are_two() -> None:
    full = replace(NO_GRANT, code="disk-full", title="disk of iam-b is 91 % full")
    told, _ = ReportedFindings().step((full,), (), AT)
    assert told.step((replace(full, title="disk of iam-b is 92 % full"),), (), AT + 1)[1] == ()
    nginx, keepalived = (replace(NO_GRANT, about=About(unit=unit)) for unit in ("nginx", "keepalived"))
    assert len(ReportedFindings().step((nginx, keepalived), (), AT)[1]) == 2


def test_a_split_brain_is_an_event_already_and_the_worst_stands_first() -> None:
    told, said = ReportedFindings().step((replace(SPLIT, explains=()), STALE, NO_GRANT), (), AT)
    assert texts(said) == [f"found: {NO_GRANT.title}", f"found: {STALE.title}"], "the newest event stands first"
    assert told.step((STALE, NO_GRANT), (), AT + 60)[1] == ()


def test_information_is_no_event() -> None:
    assert ReportedFindings().step((replace(NO_GRANT, severity=Severity.INFO),), (), AT)[1] == ()


BEGIN = 1_795_442_000.0
PROFILE = pair()


def said(node: str, *lines: tuple[float, str, str]) -> list[TimelineEvent]:
    """(seconds after BEGIN, unit, message); a unit `systemd/x` is systemd about x."""
    records = [
        JournalRecord(BEGIN + after, unit.removeprefix("systemd/"), message, unit.startswith("systemd/"))
        for after, unit, message in lines
    ]
    return list(of_journal(records, PROFILE, node, 0.0))


def entering(state: str) -> str:
    return f"(VI_1) Entering {state} STATE"


def recalled_texts(*happenings: list[TimelineEvent]) -> list[str]:
    return [each.text for each in recalled([one for each in happenings for one in each], PROFILE)]


A_HELD = (0.0, "keepalived", entering("MASTER"))
B_TOOK = (100.0, "keepalived", entering("MASTER"))


def test_a_check_that_fails_is_what_led_to_the_move() -> None:
    a = said(
        "iam-a",
        A_HELD,
        (94.0, "keepalived", "Script `check_nginx` now returning 1"),
        (94.1, "keepalived", "VRRP_Script(check_nginx) failed (exited with status 1)"),
        (96.0, "keepalived", entering("FAULT")),
    )
    told = recalled_texts(a, said("iam-b", B_TOOK))
    assert told[-1] == "VIP 10.0.4.99 moved iam-a -> iam-b after iam-a: check check_nginx fails"
    assert told.count("iam-a: check check_nginx fails") == 1


def test_a_unit_that_fell_over_comes_before_the_check_that_noticed() -> None:
    a = said(
        "iam-a",
        A_HELD,
        (93.0, "systemd/nginx", "Stopped nginx.service - A high performance web server."),
        (94.1, "keepalived", "VRRP_Script(check_nginx) failed (exited with status 1)"),
        (96.0, "keepalived", entering("FAULT")),
    )
    assert recalled_texts(a, said("iam-b", B_TOOK))[-1].endswith("after iam-a: nginx stopped")


def test_what_else_stopped_in_that_minute_did_not_move_the_vip() -> None:
    a = said(
        "iam-a",
        A_HELD,
        (60.0, "systemd/iam-apiserver", "Stopped iam-apiserver.service - IAM API server."),
        (99.0, "systemd/keepalived", "Stopped keepalived.service - Keepalive Daemon (LVS and VRRP)."),
    )
    assert recalled_texts(a, said("iam-b", B_TOOK))[-1].endswith("after iam-a: keepalived stopped")


def test_an_action_of_ours_comes_before_everything() -> None:
    a = said("iam-a", A_HELD, (99.0, "systemd/keepalived", "Stopped keepalived.service - Keepalive Daemon."))
    ours = [
        TimelineEvent(
            BEGIN + 98, TimelineEventKind.ACTION, "switchover iam-a -> iam-b: begun (root@vm)", "audit ledger"
        )
    ]
    last = recalled([*a, *ours, *said("iam-b", B_TOOK)], PROFILE)[-1]
    assert last.text == ("VIP 10.0.4.99 moved iam-a -> iam-b after switchover iam-a -> iam-b: begun (root@vm)")
    assert (last.severity, last.source) == (Severity.WARNING, "keepalived's journal")


def test_a_machine_that_went_off_let_go_because_it_booted_since() -> None:
    a = said("iam-a", A_HELD, (400.0, "systemd/-", "Startup finished in 2.0s (kernel) + 3.1s (userspace) = 5.1s."))
    assert "VIP 10.0.4.99 moved iam-a -> iam-b" in recalled_texts(a, said("iam-b", B_TOOK))


def test_two_masters_are_no_move() -> None:
    """Nothing says that iam-a let go."""
    assert recalled_texts(said("iam-a", A_HELD), said("iam-b", B_TOOK)) == [
        "iam-a: VI_1 entered MASTER, VIP 10.0.4.99",
        "iam-b: VI_1 entered MASTER, VIP 10.0.4.99",
    ]


def test_what_came_back_and_took_its_vip_is_what_led_to_it() -> None:
    b = said("iam-b", (0.0, "keepalived", entering("MASTER")), (100.0, "keepalived", entering("BACKUP")))
    a = said(
        "iam-a",
        (97.0, "systemd/keepalived", "Started keepalived.service - Keepalive Daemon."),
        (99.9, "keepalived", entering("MASTER")),
    )
    assert "VIP 10.0.4.99 moved iam-b -> iam-a after iam-a: keepalived started" in recalled_texts(a, b)


def test_a_unit_that_restarts_for_ever_takes_no_moves_room() -> None:
    restarts = said("iam-a", *((1000.0 + n, "systemd/iam-pump", "Started iam-pump.service.") for n in range(500)))
    told = recalled_texts(restarts, said("iam-a", A_HELD))
    assert "iam-a: VI_1 entered MASTER, VIP 10.0.4.99" in told
    assert len(told) == UNITS_KEPT + 1 <= KEPT + UNITS_KEPT


LIVE_SPLIT = replace(SPLIT, explains=(), cause="")
LIVE = (LIVE_SPLIT, NO_GRANT)


def look(live=LIVE):
    return earlier_inspection(Diagnosis((SPLIT, NO_GRANT)), AT, live)


def test_without_a_look_the_live_findings_stand() -> None:
    assert standing(LIVE, None, AT) == LIVE


def test_the_looks_cause_and_symptoms_stay_with_a_finding_that_is_live() -> None:
    first, second = standing(LIVE, look(), AT)
    assert (first.code, first.cause) == ("split-brain", SPLIT.cause)
    assert [each.code for each in first.explains] == ["client-dark", "vip-flapping"]
    assert second == NO_GRANT


def test_evidence_of_the_live_state_is_the_newer_one() -> None:
    newer = replace(LIVE_SPLIT, evidence=(replace(SPLIT.evidence[0], age_s=0.1),))
    assert standing((newer,), look(), AT + 60)[0].evidence == newer.evidence


def test_what_only_the_look_could_tell_gets_older() -> None:
    first = standing(LIVE, look(), AT + 60)[0]
    flapping = first.explains[1]
    assert flapping.evidence[0].age_s == FLAPPING.evidence[0].age_s + 60


def test_what_the_live_state_no_longer_says_is_over() -> None:
    codes = [each.code for each in standing((NO_GRANT,), look(), AT + 5)]
    assert "split-brain" not in codes
    assert codes == ["client-dark", "datastore-host-not-allowed", "vip-flapping"]


def test_what_is_new_since_the_look_is_added_in_its_rank() -> None:
    new = replace(DARK, code="vip-nowhere")
    codes = [each.code for each in standing((*LIVE, new), look(), AT + 5)]
    assert codes == ["split-brain", "vip-nowhere", "datastore-host-not-allowed"]


def test_a_symptom_that_the_look_explained_is_not_told_twice() -> None:
    codes = [each.code for each in standing((*LIVE, DARK), look(), AT + 5)]
    assert codes == ["split-brain", "datastore-host-not-allowed"]


def test_a_cause_that_only_the_look_found_explains_what_is_live_since() -> None:
    deep = earlier_inspection(Diagnosis((replace(SPLIT, explains=()),)), AT, ())
    (root,) = standing((DARK,), deep, AT + 30)
    assert (root.code, [each.code for each in root.explains]) == ("split-brain", ["client-dark"])
    assert inspection_only((DARK,), deep) == {SPLIT.key}


def test_two_findings_of_one_code_and_node_stay_two() -> None:
    one, other = replace(NO_GRANT, title="keepalived is down"), replace(NO_GRANT, title="nginx is down")
    deep = earlier_inspection(Diagnosis((one, other)), AT, (one, other))
    assert {each.title for each in standing((one, other), deep, AT + 1)} == {one.title, other.title}


def test_what_is_counted_is_everything_that_is_told_and_information_for_itself() -> None:
    info = replace(NO_GRANT, severity=Severity.INFO)
    assert str(tally((SPLIT, NO_GRANT))) == "4"
    assert str(tally((SPLIT, info))) == "3 + 1 info"


def test_a_cause_is_only_as_loud_as_what_it_explains_now() -> None:
    cause = replace(SPLIT, severity=Severity.WARNING, explains=())
    (loud,) = standing((cause, DARK), None, AT)
    (calm,) = standing((cause,), earlier_inspection(Diagnosis(()), AT, (cause, DARK)), AT + 5)
    assert (loud.severity, calm.severity) == (Severity.CRITICAL, Severity.WARNING)
