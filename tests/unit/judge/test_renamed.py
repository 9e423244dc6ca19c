"""However a site calls its units, services and stores: the same causes are found, and told from each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from iamops.judge.findings import Finding, flat
from iamops.judge.rules.base import RuleInput
from iamops.judge.triage.diagnose import diagnose
from iamops.model.config import DaemonCheck
from iamops.model.events import (
    AddressChanged,
    DatastoreProbed,
    Event,
    HttpProbed,
    Source,
    SourceLost,
    Target,
    UnitReported,
    VrrpReported,
)
from iamops.model.facts import ProbeOutcome, ProbeReport, UnitReport, VrrpReport, VrrpState
from iamops.model.inspection import JournalEventKind
from iamops.model.profile import Profile
from tests.support.cluster_states import NOW, VIP, fed, healthy
from tests.support.finding_samples import views
from tests.support.looks import CHECK, A, B, journal, node_look, view
from tests.support.profiles import pair

PLAIN = {
    name: name for name in ("nginx", "keepalived", "iam-apiserver", "iam-pump", "mariadb", "redis", "mongodb")
}
RENAMED = {
    "nginx": "openresty",
    "keepalived": "docker-ka",
    "iam-apiserver": "front",
    "iam-pump": "mover",
    "mariadb": "iamdb",
    "redis": "cache",
    "mongodb": "nginx-audit",
}
DOWN = UnitReport("failed", "failed")
REFUSED = ProbeReport(ProbeOutcome.REFUSED, detail="refused")
HTTP_500 = ProbeReport(ProbeOutcome.BAD_ANSWER, 1.0, 500, "HTTP 500")


def named(names: Mapping[str, str]) -> Profile:
    """The pair with these names; a unit is called like the thing that it runs."""
    api, pump = names["iam-apiserver"], names["iam-pump"]
    stores = {
        names[kind]: {"kind": kind, "node": A, "unit": f"u-{names[kind]}"}
        for kind in ("mariadb", "redis", "mongodb")
    }
    return pair(
        nginx={"unit": names["nginx"]},
        keepalived={"unit": names["keepalived"]},
        services={
            api: {"port": 8080, "unit": f"u-{api}", "domain": "iam.api.marmotedu.com"},
            pump: {"port": 7070, "unit": f"u-{pump}", "needs": [f"{names['mongodb']} or idle"]},
        },
        datastores=stores,
    )


def vrrp(state: VrrpState, *nodes: str) -> Iterator[Event]:
    yield from (VrrpReported(NOW, node, "VI_1", VrrpReport(state, "json")) for node in nodes)


def situations(names: Mapping[str, str]) -> Iterator[RuleInput]:
    profile = named(names)
    nginx, keepalived, api, maria, redis, mongo = (
        names[each] for each in ("nginx", "keepalived", "iam-apiserver", "mariadb", "redis", "mongodb")
    )

    def seen(*events: Event) -> RuleInput:
        return RuleInput(fed(healthy(profile=profile), events))

    def down(unit: str, *nodes: str) -> Iterable[Event]:
        return [UnitReported(NOW, node, unit, DOWN) for node in nodes]

    def silent(store: str) -> Iterable[Event]:
        return [DatastoreProbed(NOW, node, store, REFUSED) for node in (A, B)]

    lost = AddressChanged(NOW, A, VIP, present=False)
    ill = HttpProbed(NOW, B, B, Target.SERVICE, api, HTTP_500)
    yield seen(*down(nginx, B), *vrrp(VrrpState.FAULT, B))
    yield seen(*down(keepalived, A, B), lost)
    taken = (AddressChanged(NOW, B, VIP, present=True), *vrrp(VrrpState.MASTER, B))
    yield seen(*down(keepalived, A), SourceLost(NOW, A, Source.VRRP, "stopped"), *taken)
    yield seen(*down(f"u-{maria}", A), *silent(maria), ill)
    yield seen(*silent(maria), ill)
    yield seen(*down(f"u-{redis}", A), *silent(redis))
    yield seen(*down(f"u-{mongo}", A), *silent(mongo))
    yield seen(*down(f"u-{api}", B), HttpProbed(NOW, B, B, Target.SERVICE, api, REFUSED))
    bad = DaemonCheck(B, "nginx", 1, 'nginx: [emerg] unexpected "}" in /etc/nginx/nginx.conf:3')
    state = fed(healthy(profile=profile), [*down(nginx, B), *vrrp(VrrpState.FAULT, B)])
    yield view(state, b=node_look(B, checks=(bad,)))
    unrunnable = journal((9.0, keepalived, JournalEventKind.SCRIPT_UNRUNNABLE, CHECK, "now returning 127"))
    yield view(fed(healthy(profile=profile), vrrp(VrrpState.FAULT, B)), b=node_look(B, journal=unrunnable))


def tree(findings: tuple[Finding, ...]) -> list[tuple[str, str | None, object]]:
    return [(each.code, each.node, tree(each.explains)) for each in findings]


def test_with_other_names_the_same_causes_are_found():
    pairs = zip(situations(PLAIN), situations(RENAMED), strict=True)
    for number, (plain, renamed) in enumerate(pairs):
        expected = tree(diagnose(plain, NOW + 2).findings)
        assert any(explained for _, _, explained in expected), f"{number} has no cause: {expected}"
        assert tree(diagnose(renamed, NOW + 2).findings) == expected, number


def test_two_findings_that_stand_beside_each_other_are_never_the_same_one():
    for each in (*views(), *situations(RENAMED)):
        found = [one.key for one in flat(diagnose(each, NOW + 2).findings)]
        assert len(set(found)) == len(found), found


def test_a_finding_is_the_same_one_a_moment_later_whatever_its_words():
    for each in views():
        now, later = ({one.key for one in flat(diagnose(each, at).findings)} for at in (NOW + 2, NOW + 3))
        assert now == later
