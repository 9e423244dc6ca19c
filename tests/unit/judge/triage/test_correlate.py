"""Root causes first: what follows from something stands under it, nothing is lost, nothing is told twice."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

from iamops.judge.alerts.case import alerts_after
from iamops.judge.findings import NOTHING, About, Evidence, Finding, Role, flat
from iamops.judge.lint.catalogue import CATALOGUE as LINT
from iamops.judge.rules.itself import evaluated
from iamops.judge.triage.correlate import LINKS, correlate
from iamops.judge.triage.diagnose import RULES
from iamops.model.facts import Severity
from iamops.model.profile import DatastoreKind
from tests.support.cluster_states import NOW
from tests.support.finding_samples import views
from tests.support.situations.page import situations

C, W, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO


def finding(
    code: str,
    node: str | None = None,
    severity: Severity = W,
    about: About = NOTHING,
    touches: tuple[str, ...] = (),
) -> Finding:
    """Its words say nothing: causes are found by data."""
    return Finding(code, severity, "", (Evidence(""),), "", node, about=about, touches=touches)


def tree(findings: tuple[Finding, ...]) -> dict[str, object]:
    return {each.code: tree(each.explains) for each in findings}


MARIADB = About(store="iamdb", kind=DatastoreKind.MARIADB)
MONGODB = About(store="mongodb", kind=DatastoreKind.MONGODB)
NGINX = About(unit="openresty", role=Role.NGINX)
POWER_OFF = (
    finding("node-unreachable", "iam-a"),
    finding("datastore-down", "iam-b", C, MARIADB, ("iam-a",)),
    finding("datastore-down", "iam-b", C, MONGODB, ("iam-a",)),
    finding("pump-lags", "iam-b", W, replace(MONGODB, service="iam-pump"), ("iam-a",)),
)


def test_a_node_without_power_explains_its_datastores_and_who_needs_them():
    (root,) = correlate(POWER_OFF)
    assert root.code == "node-unreachable"
    assert len(flat((root,))) == 4


def test_the_order_of_the_findings_does_not_matter():
    expected = correlate(POWER_OFF)
    assert all(tree(correlate(each)) == tree(expected) for each in permutations(POWER_OFF))


def test_a_stopped_nginx_explains_the_fault_beside_it_and_not_that_of_another_node():
    stopped = finding("unit-down", "iam-a", C, NGINX)
    (root, other) = correlate((stopped, finding("vrrp-fault", "iam-a"), finding("vrrp-fault", "iam-b")))
    assert tree((root,)) == {"unit-down": {"vrrp-fault": {}}}
    assert other.node == "iam-b"


def test_a_split_brain_explains_what_clients_notice_of_it():
    found = correlate((finding("stale-arp", None, severity=C), finding("split-brain", None, severity=C)))
    assert tree(found) == {"split-brain": {"stale-arp": {}}}


def test_settings_that_differ_explain_the_split_brain():
    found = correlate((finding("split-brain", severity=C), finding("P001", severity=C)))
    assert tree(found) == {"P001": {"split-brain": {}}}


def test_a_missing_grant_explains_the_requests_that_fail():
    grant = finding("datastore-host-not-allowed", "iam-b", C, MARIADB, ("iam-a",))
    assert tree(correlate((finding("requests-failing", severity=C), grant))) == {
        "datastore-host-not-allowed": {"requests-failing": {}}
    }


def test_a_full_disk_explains_a_redis_that_refuses_writes_seen_from_both_nodes():
    redis = About(store="redis", kind=DatastoreKind.REDIS)
    refused = [
        finding("datastore-write-errors", seen_from, C, redis, ("iam-a",)) for seen_from in ("iam-a", "iam-b")
    ]
    (root,) = correlate((*refused, finding("disk-full", "iam-a")))
    assert root.code == "disk-full"
    assert [each.code for each in flat((root,))] == [
        "disk-full",
        "datastore-write-errors",
        "datastore-write-errors",
    ]


def test_a_warning_that_explains_something_critical_comes_before_a_bare_warning():
    found = correlate((finding("clock-skew", "iam-b"), *POWER_OFF))
    assert [each.code for each in found] == ["node-unreachable", "clock-skew"]


def test_a_full_disk_of_who_greets_a_datastore_does_not_explain_that_it_is_down():
    found = correlate((finding("datastore-down", "iam-b", C, MARIADB, ("iam-a",)), finding("disk-full", "iam-b")))
    assert len(found) == 2


def test_a_stopped_unit_is_the_root_of_its_own_datastore_and_of_no_other():
    unit = finding("unit-down", "iam-a", W, About(unit="docker-db", role=Role.DATASTORE, store="mongodb"))
    mongo, maria = (finding("datastore-down", "iam-b", C, each, ("iam-a",)) for each in (MONGODB, MARIADB))
    assert tree(correlate((mongo, unit))) == {"unit-down": {"datastore-down": {}}}
    assert len(correlate((maria, unit))) == 2


def test_a_fault_of_one_instance_explains_nothing_of_another():
    one, other = About(instance="VI_1"), About(instance="VI_2")
    fault, nowhere = finding("vrrp-fault", "iam-a", W, one), finding("vip-nowhere", None, C, other)
    assert len(correlate((fault, nowhere))) == 2
    assert len(correlate((fault, replace(nowhere, about=one)))) == 1


def test_what_happened_comes_after_what_is_so_now():
    found = correlate((finding("keepalived-restarted", "iam-a"), finding("node-unreachable", "iam-b")))
    assert [each.code for each in found] == ["node-unreachable", "keepalived-restarted"]


def test_of_two_that_explain_as_much_the_one_that_keeps_everybody_out_comes_first():
    found = correlate((finding("datastore-down", "iam-a", C), finding("vip-nowhere", None, C)))
    assert [each.code for each in found] == ["vip-nowhere", "datastore-down"]


def test_what_lint_says_comes_after_what_happens_now():
    found = correlate((finding("K008", "iam-a"), finding("vrrp-fault", "iam-b")))
    assert [each.code for each in found] == ["vrrp-fault", "K008"]


def test_an_owner_that_answers_badly_explains_the_dark_client_and_a_standby_does_not():
    dark = finding("client-dark", None, C, About(instance="VI_1"), ("iam-a",))
    owner, standby = (finding("nginx-bad-answers", node, severity=C) for node in ("iam-a", "iam-b"))
    assert tree(correlate((dark, owner))) == {"nginx-bad-answers": {"client-dark": {}}}
    assert len(correlate((dark, standby))) == 2


def test_a_frozen_node_explains_the_nginx_that_waits_for_its_backends():
    waits = finding("nginx-bad-answers", "iam-a", C, touches=("iam-b",))
    found = correlate((waits, finding("node-unreachable", "iam-b")))
    assert tree(found) == {"node-unreachable": {"nginx-bad-answers": {}}}


def test_a_service_that_hangs_explains_that_its_ports_show_no_certificate():
    hung = finding("service-unhealthy", "iam-b", W, About("iam-apiserver", "iam-apiserver"))
    ports = [
        finding("no-tls", node, W, About("iam-apiserver", "iam-apiserver", subject=port))
        for node, port in (("iam-b", "8443"), ("iam-b", "8081"), ("iam-a", "8443"))
    ]
    found = correlate((*ports, hung))
    assert [(each.code, each.node, len(each.explains)) for each in found] == [
        ("service-unhealthy", "iam-b", 2),
        ("no-tls", "iam-a", 0),
    ]


def test_one_hardware_address_on_two_nodes_explains_the_datastores_of_the_other_and_not_ones_own():
    twice = finding("mac-twice", None, severity=C, touches=("iam-a", "iam-b"))
    seen = [finding("datastore-down", node, C, MARIADB, ("iam-a",)) for node in ("iam-b", "iam-a")]
    assert tree(correlate((twice, seen[0]))) == {"mac-twice": {"datastore-down": {}}}
    assert len(correlate((twice, seen[1]))) == 2


def test_nothing_is_lost_and_nothing_explains_itself():
    codes = [code for link in LINKS for code in (link.root, *link.symptoms)]
    about = replace(MARIADB, unit="nginx", role=Role.NGINX, services=("iam-pump",))
    everything = tuple(finding(code, "iam-a", W, about, ("iam-a",)) for code in dict.fromkeys(codes))
    found = flat(correlate(everything))
    assert sorted(each.code for each in found) == sorted(each.code for each in everything)


def test_every_link_is_between_codes_that_exist():
    known = {code for rule in RULES for code in rule.codes} | set(LINT)
    assert {code for link in LINKS for code in (link.root, *link.symptoms)} <= known


def wordless(found: Finding) -> Finding:
    """Its code in place of every word."""
    evidence = tuple(replace(each, value=found.code) for each in found.evidence)
    return replace(found, title=found.code, cause=found.code, next=found.code, means="", evidence=evidence)


def shape(findings: tuple[Finding, ...]) -> list[object]:
    return [(each.key, each.severity, each.touches, shape(each.explains)) for each in findings]


def test_what_a_finding_says_decides_neither_what_explains_it_nor_which_alert_it_is():
    nested = 0
    for view in (*views(), *(each.view for each in situations())):
        said = tuple(each for each in evaluated(RULES, view, NOW + 2) if isinstance(each, Finding))
        found, silent = correlate(said), correlate(tuple(map(wordless, said)))
        assert shape(silent) == shape(found)
        alerts, others = (
            alerts_after({}, each, now=NOW, since_s=1.0, unseen=frozenset()) for each in (found, silent)
        )
        assert {key: each.name for key, each in alerts.items()} == {key: each.name for key, each in others.items()}
        nested += sum(bool(each.explains) for each in found)
    assert nested > 20, "too few of them explain anything"
