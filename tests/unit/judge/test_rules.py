"""Each rule: silent on a healthy pair, and right about the one thing it watches."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pkgutil import iter_modules

from iamops.judge import rules as package
from iamops.judge.findings import Evidence, Finding
from iamops.judge.rules import findings
from iamops.judge.rules.base import Rule, RuleInput
from iamops.judge.rules.itself import evaluated
from iamops.judge.triage.diagnose import RULES
from iamops.model.events import (
    AddressChanged,
    AddressesListed,
    ClientProbed,
    DatastoreProbed,
    Event,
    HostReported,
    HttpProbed,
    LinkChanged,
    Source,
    SourceLost,
    Target,
    UnitReported,
    VrrpReported,
)
from iamops.model.facts import (
    HostReport,
    Link,
    LinkState,
    ProbeOutcome,
    ProbeReport,
    Severity,
    UnitReport,
    VrrpReport,
    VrrpState,
)
from tests.support.cluster_states import NOW, OK, VIP, fed, healthy
from tests.unit.judge import samples


def codes(*events: Event, now: float = NOW + 2) -> list[str]:
    return [finding.code for finding in findings(fed(healthy(), events), now)]


def test_a_healthy_pair_has_no_findings():
    assert codes() == []


def test_two_owners_for_longer_than_a_move_is_a_split_brain():
    moved = AddressChanged(NOW + 0.5, "iam-b", VIP, present=True)
    mastered = VrrpReported(NOW + 0.5, "iam-b", "VI_1", VrrpReport(VrrpState.MASTER, "json"))
    heard = UnitReported(NOW + 1, "iam-a", "nginx", UnitReport("active"))
    assert codes(moved, mastered, heard, now=NOW + 1.0) == []
    assert codes(moved, mastered, heard, now=NOW + 2.0) == ["split-brain"]


def test_no_owner_is_only_said_when_every_node_was_seen():
    gone = AddressChanged(NOW + 1, "iam-a", VIP, present=False)
    backup = VrrpReported(NOW + 1, "iam-a", "VI_1", VrrpReport(VrrpState.FAULT, "json"))
    assert "vip-nowhere" in codes(gone, backup, now=NOW + 2)
    assert "vip-nowhere" not in codes(gone, backup, now=NOW + 1.5), "a planned move takes that long"
    blind = SourceLost(NOW + 1, "iam-b", Source.ADDRESSES, "ip: not found")
    assert "vip-nowhere" not in codes(gone, backup, blind)


def test_master_without_the_address_is_said():
    listed = AddressesListed(NOW, "iam-a", frozenset({"10.0.4.20"}))
    assert "master-without-address" in codes(listed)


def test_master_without_the_address_is_said_whatever_the_nodes_clock():
    listed = AddressesListed(NOW, "iam-a", frozenset({"10.0.4.20"}))
    for ahead_s in (-3600, 3600):
        master = VrrpReport(VrrpState.MASTER, "json", last_transition=NOW - 30 + ahead_s)
        off = HostReport(clock_offset_ms=ahead_s * 1000.0, clock_uncertainty_ms=1.0)
        said = codes(listed, VrrpReported(NOW, "iam-a", "VI_1", master), HostReported(NOW, "iam-a", off))
        assert "master-without-address" in said


def test_a_node_in_fault_is_said_though_the_vip_is_fine():
    fault = VrrpReported(NOW, "iam-b", "VI_1", VrrpReport(VrrpState.FAULT, "json"))
    assert codes(fault) == ["vrrp-fault"]


def test_an_address_without_a_daemon_is_said():
    stopped = UnitReported(NOW, "iam-a", "keepalived", UnitReport("inactive", "dead"))
    silent = SourceLost(NOW, "iam-a", Source.VRRP, "keepalived is inactive")
    assert "address-without-master" in codes(stopped, silent)


def test_a_second_owner_that_is_no_master_hears_its_peer_and_has_an_address_too_many():
    """Nobody is sent to look for a firewall: the address is what is left there."""
    second = AddressChanged(NOW, "iam-b", VIP, present=True)
    stopped = UnitReported(NOW, "iam-b", "keepalived", UnitReport("failed", "failed", exits="killed by KILL"))
    for events, state, step in (
        ((second,), "BACKUP", "look: ip addr on iam-b"),
        ((second, stopped, SourceLost(NOW, "iam-b", Source.VRRP, "it is failed")), "stopped", "iamops start"),
    ):
        told = {each.code: each for each in findings(fed(healthy(), events), NOW + 2)}
        for code in ("split-brain", "address-without-master"):
            assert f"keepalived is {state} on iam-b: {VIP} was left behind there" in told[code].cause
            assert told[code].next.startswith(step)


def test_a_node_that_comes_back_is_not_judged_by_what_it_and_its_peer_said_before():
    """It was well until its power went, and nobody reached it since: that is no firewall."""
    timeout = ProbeReport(ProbeOutcome.TIMEOUT, detail="no answer within 1 s")
    names = ("iam-apiserver", "iam-authz-server", "iam-pump")
    away = [HttpProbed(NOW + 5, "iam-b", "iam-a", Target.SERVICE, name, timeout) for name in names]
    events = [LinkChanged(NOW + 1, "iam-b", Link(LinkState.DOWN)), *away]
    back = LinkChanged(NOW + 9, "iam-b", Link(LinkState.UP, NOW + 9))
    awake = [HostReported(NOW + 9, "iam-b", HostReport()), AddressesListed(NOW + 9, "iam-a", frozenset({VIP}))]
    assert "not-serving" not in codes(*events, back, *awake, now=NOW + 9.5)
    well = [HttpProbed(NOW + 9, "iam-b", "iam-b", Target.SERVICE, name, OK) for name in names]
    still = [HttpProbed(NOW + 11, "iam-b", "iam-a", Target.SERVICE, name, timeout) for name in names]
    assert "not-serving" in codes(*events, back, *awake, *well, *still, now=NOW + 11.5)


def test_a_disk_without_room_is_critical_and_says_what_that_means():
    for used, severity in ((98.0, Severity.WARNING), (99.5, Severity.CRITICAL)):
        (found,) = findings(fed(healthy(), [HostReported(NOW, "iam-b", HostReport(disk_used_pct=used))]), NOW + 2)
        assert (found.severity, bool(found.means)) == (severity, severity is Severity.CRITICAL)


def test_a_unit_that_somebody_killed_was_killed_and_did_not_fail_to_start():
    killed = UnitReport("failed", "failed", exits="killed by KILL", reason="Printing VRRP as json")
    (found,) = findings(fed(healthy(), [UnitReported(NOW, "iam-b", "iam-pump", killed)]), NOW + 2)
    assert (found.title, found.next) == ("iam-pump on iam-b was killed by KILL", "iamops start iam-pump iam-b")
    assert not any("Printing" in each.value for each in found.evidence)
    looping = replace(killed, sub="auto-restart", exits="killed by KILL, 13 times in 70 s")
    (found,) = findings(fed(healthy(), [UnitReported(NOW, "iam-b", "iam-pump", looping)]), NOW + 2)
    assert "does not start: killed by KILL, 13 times" in found.title


def test_a_daemon_that_was_not_heard_yet_contradicts_nobody():
    assert "address-without-master" not in codes(SourceLost(NOW, "iam-a", Source.VRRP, "not observed yet"))


def test_a_client_in_the_dark_is_critical():
    dark = ClientProbed(NOW + 1, "VI_1", ProbeReport(ProbeOutcome.TIMEOUT, detail="no answer within 1 s"))
    state = fed(healthy(), [dark])
    (finding,) = findings(state, NOW + 2)
    assert finding.code == "client-dark"
    assert finding.severity is Severity.CRITICAL
    evidence, owner = finding.evidence
    assert (owner.node, owner.value) == ("iam-a", f"VIP {VIP} is on iam-a")
    assert evidence == Evidence("timeout: no answer within 1 s", "HTTP from this machine", None, 1.0)


def test_an_unreachable_node_is_not_judged_by_its_last_words():
    lost = [
        UnitReported(NOW, "iam-b", "nginx", UnitReport("inactive", "dead")),
        LinkChanged(NOW + 1, "iam-b", Link(LinkState.DOWN, NOW + 1, "hung", "nothing heard", "look at it")),
    ]
    assert codes(*lost, now=NOW + 30)[0] == "node-unreachable"
    assert "unit-down" not in codes(*lost, now=NOW + 30)


def test_nginx_that_accepts_and_does_not_answer_is_called_hung():
    hung = ProbeReport(ProbeOutcome.TIMEOUT, detail="accepts, but no answer within 1.5 s")
    domains = ("iam.api.marmotedu.com", "iam.authz.marmotedu.com")
    events = [HttpProbed(NOW, "iam-a", "iam-a", Target.DOMAIN, domain, hung) for domain in domains]
    assert codes(*events) == ["nginx-hung"]


def test_nginx_that_waits_for_a_silent_backend_is_not_called_hung():
    silent = ProbeReport(ProbeOutcome.TIMEOUT, detail="accepts, but no answer within 1.5 s")
    domains = ("iam.api.marmotedu.com", "iam.authz.marmotedu.com")
    events = [HttpProbed(NOW, "iam-a", "iam-a", Target.DOMAIN, domain, silent) for domain in domains]
    events.append(HttpProbed(NOW, "iam-b", "iam-a", Target.SERVICE, "iam-apiserver", silent))
    said = findings(fed(healthy(), events), NOW + 2)
    assert [each.code for each in said] == ["nginx-bad-answers", "backend-not-reachable"]
    assert "iam-apiserver on iam-b" in said[0].title


def test_a_node_that_peers_still_get_answers_from_is_serving_unseen():
    lost = LinkChanged(NOW + 1, "iam-b", Link(LinkState.DOWN, NOW + 1, "hung", "nothing heard", "look at it"))
    served = HttpProbed(NOW + 1.5, "iam-b", "iam-a", Target.SERVICE, "iam-apiserver", OK)
    assert codes(lost, served, now=NOW + 2) == ["serving-unseen"]
    assert codes(lost, now=NOW + 2) == ["node-unreachable"], (
        "what was seen before the link was lost proves nothing"
    )


def test_two_clocks_on_either_side_of_ours_are_apart():
    hosts = [
        HostReported(NOW, node, HostReport(0.1, 20.0, 30.0, ms, 1.0))
        for node, ms in (("iam-a", -300.0), ("iam-b", 300.0))
    ]
    assert codes(*hosts) == ["clocks-apart"]


def test_the_uncertainty_of_both_clocks_counts():
    hosts = [
        HostReported(NOW, node, HostReport(0.1, 20.0, 30.0, ms, 80.0))
        for node, ms in (("iam-a", -300.0), ("iam-b", 300.0))
    ]
    assert codes(*hosts) == []


def test_the_rules_of_the_live_state_load_nothing_that_only_an_examination_needs():
    code = (
        "import sys\n"
        "import iamops.judge.rules\n"
        "heavy = ('iamops.judge.lint', 'iamops.judge.runbook', 'iamops.model.inspection', 'iamops.accesslog')\n"
        "assert not [name for name in sys.modules if name.startswith(heavy)]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_stopped_unit_is_said_once_and_not_as_unhealthy_too():
    stopped = UnitReported(NOW, "iam-a", "iam-pump", UnitReport("inactive", "dead"))
    refused = ProbeReport(ProbeOutcome.REFUSED)
    probed = HttpProbed(NOW, "iam-a", "iam-a", Target.SERVICE, "iam-pump", refused)
    peer = HttpProbed(NOW, "iam-a", "iam-b", Target.SERVICE, "iam-pump", refused)
    assert codes(stopped, probed, peer) == ["unit-down"]


def test_a_backend_that_only_its_own_node_can_reach_is_found():
    refused = ProbeReport(ProbeOutcome.REFUSED)
    assert codes(HttpProbed(NOW, "iam-b", "iam-a", Target.SERVICE, "iam-apiserver", refused)) == [
        "backend-not-reachable"
    ]


def test_a_missing_grant_is_told_from_a_dead_database():
    denied = ProbeReport(ProbeOutcome.HOST_NOT_ALLOWED, detail="error 1130: Host ... is not allowed")
    assert codes(DatastoreProbed(NOW, "iam-b", "mariadb", denied)) == ["datastore-host-not-allowed"]
    refused = ProbeReport(ProbeOutcome.REFUSED)
    assert codes(DatastoreProbed(NOW, "iam-b", "mariadb", refused)) == ["datastore-down"]


def test_a_full_disk_and_a_wrong_clock_are_warnings():
    host = HostReport(0.1, 20.0, 95.0, 900.0, 1.0)
    assert codes(HostReported(NOW, "iam-b", host)) == ["disk-full", "clock-skew"]


def test_the_worst_comes_first():
    host = HostReported(NOW, "iam-b", HostReport(disk_used_pct=99.0))
    dark = ClientProbed(NOW + 1, "VI_1", replace(OK, outcome=ProbeOutcome.REFUSED))
    assert codes(host, dark) == ["client-dark", "disk-full"]


def test_a_rule_that_fails_is_told_and_the_others_are_asked():
    def broken(view: RuleInput, now: float) -> Iterator[Finding]:
        raise KeyError("iam-c")

    def well(view: RuleInput, now: float) -> Iterator[Finding]:
        yield Finding("disk-full", Severity.WARNING, "full", (Evidence("1", "df", None, 0.0),), "look: df")

    answers = list(
        evaluated((Rule(("split-brain",), broken), Rule(("disk-full",), well)), RuleInput(healthy()), NOW)
    )
    assert [(each.code, type(each).__name__) for each in answers] == [
        ("split-brain", "NotEvaluated"),
        ("part-failing", "Finding"),
        ("disk-full", "Finding"),
    ]
    assert answers[1].title == "split-brain cannot be judged, by a fault of iamops"


def test_every_rule_is_registered_once():
    modules = [
        importlib.import_module(f"iamops.judge.rules.{found.name}") for found in iter_modules(package.__path__)
    ]
    made = {id(value): value for module in modules for value in vars(module).values() if isinstance(value, Rule)}
    assert sorted(made) == sorted(id(rule) for rule in RULES)


def test_no_rule_fails_on_any_sample():
    for view in samples.views():
        titles = [each.title for each in evaluated(RULES, view, NOW + 2) if isinstance(each, Finding)]
        assert not [title for title in titles if "cannot be judged" in title]
