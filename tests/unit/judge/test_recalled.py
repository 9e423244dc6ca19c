"""The event list seeded from journals and ledger: what moved the VIP, and what only looks like a move."""

from __future__ import annotations

from iamops.judge.triage.events import KEPT, UNITS_KEPT, recalled
from iamops.judge.triage.timeline import of_journal
from iamops.model.facts import Severity
from iamops.model.journal import TimelineEvent, TimelineEventKind
from iamops.parse.journal import JournalRecord
from tests.support.profiles import pair

AT = 1_795_442_000.0
PROFILE = pair()


def said(node: str, *lines: tuple[float, str, str]) -> list[TimelineEvent]:
    """(seconds after AT, unit, message); a unit `systemd/x` is systemd about x."""
    records = [
        JournalRecord(AT + after, unit.removeprefix("systemd/"), message, unit.startswith("systemd/"))
        for after, unit, message in lines
    ]
    return list(of_journal(records, PROFILE, node, 0.0))


def entering(state: str) -> str:
    return f"(VI_1) Entering {state} STATE"


def texts(*happenings: list[TimelineEvent]) -> list[str]:
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
    told = texts(a, said("iam-b", B_TOOK))
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
    assert texts(a, said("iam-b", B_TOOK))[-1].endswith("after iam-a: nginx stopped")


def test_what_else_stopped_in_that_minute_did_not_move_the_vip() -> None:
    a = said(
        "iam-a",
        A_HELD,
        (60.0, "systemd/iam-apiserver", "Stopped iam-apiserver.service - IAM API server."),
        (99.0, "systemd/keepalived", "Stopped keepalived.service - Keepalive Daemon (LVS and VRRP)."),
    )
    assert texts(a, said("iam-b", B_TOOK))[-1].endswith("after iam-a: keepalived stopped")


def test_an_action_of_ours_comes_before_everything() -> None:
    a = said("iam-a", A_HELD, (99.0, "systemd/keepalived", "Stopped keepalived.service - Keepalive Daemon."))
    ours = [
        TimelineEvent(
            AT + 98, TimelineEventKind.ACTION, "switchover iam-a -> iam-b: begun (root@vm)", "audit ledger"
        )
    ]
    last = recalled([*a, *ours, *said("iam-b", B_TOOK)], PROFILE)[-1]
    assert last.text == ("VIP 10.0.4.99 moved iam-a -> iam-b after switchover iam-a -> iam-b: begun (root@vm)")
    assert (last.severity, last.source) == (Severity.WARNING, "keepalived's journal")


def test_a_machine_that_went_off_let_go_because_it_booted_since() -> None:
    a = said("iam-a", A_HELD, (400.0, "systemd/-", "Startup finished in 2.0s (kernel) + 3.1s (userspace) = 5.1s."))
    assert "VIP 10.0.4.99 moved iam-a -> iam-b" in texts(a, said("iam-b", B_TOOK))


def test_two_masters_are_no_move() -> None:
    """Nothing says that iam-a let go."""
    assert texts(said("iam-a", A_HELD), said("iam-b", B_TOOK)) == [
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
    assert "VIP 10.0.4.99 moved iam-b -> iam-a after iam-a: keepalived started" in texts(a, b)


def test_a_unit_that_restarts_for_ever_takes_no_moves_room() -> None:
    restarts = said("iam-a", *((1000.0 + n, "systemd/iam-pump", "Started iam-pump.service.") for n in range(500)))
    told = texts(restarts, said("iam-a", A_HELD))
    assert "iam-a: VI_1 entered MASTER, VIP 10.0.4.99" in told
    assert len(told) == UNITS_KEPT + 1 <= KEPT + UNITS_KEPT
