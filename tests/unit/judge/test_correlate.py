"""Root causes first: what follows from something stands under it, nothing is lost, nothing is told twice."""

from __future__ import annotations

from itertools import permutations

from console.judge.correlate import LINKS, correlate
from console.judge.diagnose import RULES
from console.judge.diagnosis import flat
from console.judge.findings import Evidence, Finding
from console.judge.lint.catalogue import CATALOGUE as LINT
from console.model.facts import Severity

C, W, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO


def finding(
    code: str, node: str | None = None, title: str = "", severity: Severity = W, value: str = ""
) -> Finding:
    return Finding(code, severity, title or code, (Evidence(value or code),), "iamops status", node)


def tree(findings: tuple[Finding, ...]) -> dict[str, object]:
    return {each.code: tree(each.explains) for each in findings}


POWER_OFF = (
    finding("node-unreachable", "iam-a", "iam-a cannot be seen"),
    Finding(
        "datastore-down",
        C,
        "mariadb seen from iam-b: timeout",
        (),
        "look: mariadb on iam-a, and port 3306",
        "iam-b",
    ),
    Finding(
        "datastore-down",
        C,
        "mongodb seen from iam-b: timeout",
        (),
        "look: mongodb on iam-a, and port 27017",
        "iam-b",
    ),
    Finding("pump-lags", W, "iam-pump on iam-b runs", (), "look: mongodb on iam-a, and port 27017", "iam-b"),
)


def test_a_node_without_power_explains_its_datastores_and_who_needs_them():
    (root,) = correlate(POWER_OFF)
    assert root.code == "node-unreachable"
    assert len(flat((root,))) == 4


def test_the_order_of_the_findings_does_not_matter():
    expected = correlate(POWER_OFF)
    assert all(tree(correlate(each)) == tree(expected) for each in permutations(POWER_OFF))


def test_a_stopped_nginx_explains_the_fault_beside_it_and_not_that_of_another_node():
    stopped = finding("unit-down", "iam-a", "nginx is inactive on iam-a", C)
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
    grant = finding("datastore-host-not-allowed", "iam-b", "mariadb seen from iam-b: host not allowed", C)
    assert tree(correlate((finding("requests-failing", severity=C), grant))) == {
        "datastore-host-not-allowed": {"requests-failing": {}}
    }


def test_a_full_disk_explains_a_redis_that_refuses_writes_seen_from_both_nodes():
    def refused(observer: str) -> Finding:
        title, step = f"redis seen from {observer}: refuses writes", "look: df -h and the log of redis on iam-a"
        return Finding("datastore-write-errors", C, title, (), step, observer)

    (root,) = correlate((refused("iam-a"), refused("iam-b"), finding("disk-full", "iam-a")))
    assert root.code == "disk-full"
    assert [each.code for each in flat((root,))] == [
        "disk-full",
        "datastore-write-errors",
        "datastore-write-errors",
    ]


def test_a_warning_that_explains_something_critical_comes_before_a_bare_warning():
    found = correlate((finding("clock-skew", "iam-b"), *POWER_OFF))
    assert [each.code for each in found] == ["node-unreachable", "clock-skew"]


def test_a_stopped_unit_is_the_root_of_its_own_datastore():
    unit = finding("unit-down", "iam-a", "mongod is inactive on iam-a")
    seen = Finding(
        "datastore-down", C, "mongodb seen from iam-b: refused", (), "iamops start mongod iam-a", "iam-b"
    )
    assert tree(correlate((seen, unit))) == {"unit-down": {"datastore-down": {}}}


def test_what_lint_says_comes_after_what_happens_now():
    found = correlate((finding("K008", "iam-a"), finding("vrrp-fault", "iam-b")))
    assert [each.code for each in found] == ["vrrp-fault", "K008"]


def test_an_owner_that_answers_badly_explains_the_dark_client_and_a_standby_does_not():
    dark = finding("client-dark", None, severity=C, value="VIP 10.0.4.99 is on iam-a")
    owner, standby = (finding("nginx-bad-answers", node, severity=C) for node in ("iam-a", "iam-b"))
    assert tree(correlate((dark, owner))) == {"nginx-bad-answers": {"client-dark": {}}}
    assert len(correlate((dark, standby))) == 2


def test_a_frozen_node_explains_the_nginx_that_waits_for_its_backends():
    title = "nginx on iam-a waits for backends that do not answer: iam-apiserver on iam-b"
    found = correlate((finding("nginx-bad-answers", "iam-a", title, C), finding("node-unreachable", "iam-b")))
    assert tree(found) == {"node-unreachable": {"nginx-bad-answers": {}}}


def test_nothing_is_lost_and_nothing_explains_itself():
    codes = [code for link in LINKS for code in (link.root, *link.symptoms)]
    everything = tuple(finding(code, "iam-a", f"nginx {code} on iam-a mariadb") for code in dict.fromkeys(codes))
    found = flat(correlate(everything))
    assert sorted(each.code for each in found) == sorted(each.code for each in everything)


def test_every_link_is_between_codes_that_exist():
    known = {code for rule in RULES for code in rule.codes} | set(LINT)
    assert {code for link in LINKS for code in (link.root, *link.symptoms)} <= known
