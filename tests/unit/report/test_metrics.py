"""The metrics page: read by somebody else's parser, and never a 0 for what nobody knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_classic

from iamops.model.events import (
    AddressChanged,
    ClientProbed,
    HostReported,
    LinkChanged,
    RequestsCounted,
    Source,
    SourceLost,
)
from iamops.model.facts import HostReport, Link, LinkState, ProbeOutcome, ProbeReport, RequestCount
from iamops.model.observed import Known
from iamops.model.state import ClusterState
from iamops.report.metrics import (
    METRICS,
    MetricKind,
    MetricSource,
    MetricsSnapshot,
    classic,
    families,
    openmetrics,
)
from tests.support.cluster_states import NOW, VIP, fed, healthy
from tests.support.metric_samples import CAUSE, LATER, full, moved
from tests.support.profiles import pair

Page = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def read(found: Iterable[Metric]) -> Page:
    """The samples as a parser sees them; both formats must say the same."""
    found = tuple(found)
    modern, old = (
        {(s.name, frozenset(s.labels.items())): s.value for family in parse(text) for s in family.samples}
        for parse, text in ((parse_openmetrics, openmetrics(found)), (parse_classic, classic(found)))
    )
    assert modern == old
    return modern


def page(state: ClusterState, now: float = LATER, found: tuple = ()) -> Page:
    return read(families(state, found, now))


def value(page: Page, name: str, **labels: str) -> float | None:
    """The one sample with these labels among its own; None if there is none."""
    wanted = {(key.rstrip("_"), text) for key, text in labels.items()}
    fitting = [number for (known, has), number in page.items() if known == name and wanted <= has]
    assert len(fitting) <= 1, f"{name}{labels} is not one sample"
    return fitting[0] if fitting else None


def test_every_metric_is_on_the_page_of_a_cluster_of_which_all_is_known():
    names = {name for name, _ in page(full(), found=(CAUSE,))}
    assert names == {metric.name + metric.kind.suffix for metric in METRICS}


def test_every_sample_names_its_cluster():
    assert all(("cluster", "lab") in labels for _, labels in page(full(), found=(CAUSE,)))


def test_no_sample_stands_there_twice():
    text = openmetrics(families(full(), (CAUSE,), LATER))
    keys = [line.rsplit(" ", 1)[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(keys) == len(set(keys))


def test_units_end_the_names_of_their_families():
    assert all(
        metric.name.endswith(f"_{metric.unit}") for metric in METRICS if metric.unit in ("seconds", "ratio")
    )


def test_the_owner_is_1_and_the_other_node_0():
    seen = page(healthy())
    assert value(seen, "iamops_vip_owner", vrrp_instance="VI_1", vip=VIP, node="iam-a") == 1
    assert value(seen, "iamops_vip_owner", node="iam-b") == 0
    assert value(seen, "iamops_vip_owners", vip=VIP) == 1


def test_a_node_that_is_not_heard_owns_neither_something_nor_nothing():
    seen = page(healthy(), NOW + 60)
    assert value(seen, "iamops_vip_owner", node="iam-a") is None
    assert value(seen, "iamops_vip_owners") is None
    assert value(seen, "iamops_node_heard_age_seconds", node="iam-a") == 60


def test_nobody_owns_the_vip_only_when_everybody_was_seen():
    dropped = fed(healthy(), [AddressChanged(NOW, "iam-a", VIP, present=False)])
    assert value(page(dropped), "iamops_vip_owners") == 0
    blind = fed(dropped, [SourceLost(NOW, "iam-b", Source.ADDRESSES, "no ip on this node")])
    assert value(page(blind), "iamops_vip_owners") is None


def test_a_dead_owners_last_word_is_no_second_owner():
    late = NOW + 8
    taken = fed(healthy(), [AddressChanged(late, "iam-b", VIP, present=True)])
    seen = page(taken, late + 0.1)
    assert value(seen, "iamops_vip_owner", node="iam-b") == 1
    assert value(seen, "iamops_vip_owner", node="iam-a") is None
    assert value(seen, "iamops_vip_owners") == 1


def test_two_owners_are_two():
    both = fed(
        healthy(),
        [AddressChanged(NOW + 1, "iam-b", VIP, present=True), HostReported(NOW + 1.5, "iam-a", HostReport())],
    )
    assert value(page(both), "iamops_vip_owners") == 2


def test_moves_are_counted_beyond_those_that_are_kept():
    state = healthy()
    assert value(page(state), "iamops_vip_moves_total") == 0
    for number in range(60):
        there, back = ("iam-a", "iam-b") if number % 2 == 0 else ("iam-b", "iam-a")
        state = fed(state, moved(NOW + number, there, back))
    assert len(state.moves) < 60
    assert value(page(state, NOW + 60), "iamops_vip_moves_total") == 60
    assert value(page(state, NOW + 60), "iamops_vip_last_move_timestamp_seconds") == NOW + 59


def test_no_move_has_no_time():
    assert value(page(healthy()), "iamops_vip_last_move_timestamp_seconds") is None


def test_a_link_being_made_is_neither_up_nor_down():
    down = fed(
        ClusterState.of(pair()), [LinkChanged(NOW, "iam-a", Link(LinkState.DOWN, NOW, "refused", "refused"))]
    )
    assert value(page(down), "iamops_node_link_up", node="iam-a") == 0
    assert value(page(down), "iamops_node_link_up", node="iam-b") is None


def test_keepalived_is_in_one_state():
    seen = page(healthy())
    states = {s: value(seen, "iamops_vrrp_state", node="iam-b", state=s) for s in ("BACKUP", "MASTER", "FAULT")}
    assert states == {"BACKUP": 1, "MASTER": 0, "FAULT": 0}
    assert value(seen, "iamops_vrrp_effective_priority", node="iam-b") == 50


def test_a_priority_the_journal_does_not_tell_is_left_out():
    state = healthy()
    node = state.nodes["iam-a"]
    seen = node.vrrp["VI_1"]
    journal = Known(replace(seen.value, priority=None, effective_priority=None), NOW)
    state = replace(state, nodes={**state.nodes, "iam-a": replace(node, vrrp={"VI_1": journal})})
    assert value(page(state), "iamops_vrrp_priority", node="iam-a") is None
    assert value(page(state), "iamops_vrrp_state", node="iam-a", state="MASTER") == 1


def test_a_refused_probe_is_0_and_has_no_duration():
    dark = fed(healthy(), [ClientProbed(NOW, "VI_1", ProbeReport(ProbeOutcome.REFUSED))])
    assert value(page(dark), "iamops_client_probe_success", target="VI_1", address=VIP) == 0
    assert value(page(dark), "iamops_client_probe_duration_seconds") is None
    assert value(page(healthy()), "iamops_client_probe_duration_seconds") == 0.0012


def test_a_client_probe_that_ended_long_ago_tells_nothing():
    late = NOW + 30
    heard = fed(healthy(), [HostReported(late, node, HostReport(0.1)) for node in ("iam-a", "iam-b")])
    assert value(page(heard, late), "iamops_client_probe_success") is None
    assert value(page(heard, late), "iamops_unknown", what="client") == 1
    assert value(page(heard, late), "iamops_unit_active", node="iam-a", unit="nginx") == 1


def test_a_peers_view_needs_the_peer_and_not_the_node():
    late = NOW + 30
    only_b = fed(healthy(), [HostReported(late, "iam-b", HostReport(0.1))])
    seen = page(only_b, late)
    assert value(seen, "iamops_http_probe_success", node="iam-a", observer="iam-b", target="iam-pump") == 1
    assert value(seen, "iamops_http_probe_success", node="iam-a", observer="iam-a", target="iam-pump") is None
    assert value(seen, "iamops_datastore_probe_success", datastore="redis", from_="iam-b") == 1
    assert value(seen, "iamops_datastore_probe_success", datastore="redis", from_="iam-a") is None


def test_a_service_with_the_name_of_a_domain_is_another_sample():
    twin = pair(services={"iam": {"port": 8080, "domain": "iam"}})
    seen = page(healthy(profile=twin))
    assert (
        value(seen, "iamops_http_probe_success", node="iam-a", observer="iam-a", kind="domain", target="iam") == 1
    )
    assert (
        value(seen, "iamops_http_probe_success", node="iam-a", observer="iam-a", kind="service", target="iam") == 1
    )


def test_every_class_of_answers_is_there_from_the_first_scrape():
    seen = page(healthy())
    assert value(seen, "iamops_requests_total", node="iam-a") == 1100
    assert value(seen, "iamops_responses_total", node="iam-a", code_class="5xx") == 12
    assert value(seen, "iamops_responses_total", node="iam-a", code_class="4xx") == 0


def test_odd_classes_are_one_label_however_many_there_are():
    odd = RequestCount(1100, {"2xx": 10, "0xx": 3, '"xx': 4, "\nxx": 5})
    seen = page(fed(healthy(), [RequestsCounted(NOW, "iam-a", odd)]))
    assert value(seen, "iamops_responses_total", node="iam-a", code_class="other") == 12


def test_percent_and_milliseconds_become_ratios_and_seconds():
    seen = page(healthy())
    assert value(seen, "iamops_node_disk_used_ratio", node="iam-a") == 0.4
    assert value(seen, "iamops_node_memory_used_ratio", node="iam-a") == 0.31
    assert value(seen, "iamops_node_clock_offset_seconds", node="iam-a") == 0.0004


@pytest.mark.parametrize("load", [None, float("nan"), float("inf")])
def test_a_value_that_is_no_number_is_left_out(load):
    seen = page(fed(healthy(), [HostReported(NOW, "iam-a", HostReport(load, 31.0))]))
    assert value(seen, "iamops_node_load1", node="iam-a") is None
    assert value(seen, "iamops_node_memory_used_ratio", node="iam-a") == 0.31


def test_drift_is_0_only_where_files_were_compared():
    assert value(page(full()), "iamops_config_drift_files", node="iam-a") == 1
    assert value(page(full()), "iamops_config_drift_files", node="iam-b") == 0
    assert value(page(healthy()), "iamops_config_drift_files", node="iam-b") is None


def test_root_causes_and_what_they_explain_are_counted_apart():
    seen = page(full(), found=(CAUSE, CAUSE))
    assert value(seen, "iamops_findings", code="unit-down", severity="critical", node="iam-a") == 2
    assert value(seen, "iamops_findings", code="client-dark") is None
    assert value(seen, "iamops_findings_explained", code="client-dark", severity="critical") == 2


def test_what_is_unknown_is_counted_by_kind():
    seen = page(healthy())
    assert value(seen, "iamops_unknown", node="iam-a", what="units") == 0
    assert value(seen, "iamops_unknown", node="iam-a", what="config") == 1
    blind = page(healthy(), NOW + 60)
    assert value(blind, "iamops_unknown", node="iam-a", what="units") == 5
    assert value(blind, "iamops_unknown", node="iam-a", what="peers") == 3


def test_of_a_cluster_not_seen_yet_only_what_is_not_known_is_told():
    seen = page(ClusterState.of(pair()))
    assert {name for name, _ in seen} == {
        "iamops_up",
        "iamops_build_info",
        "iamops_vip_moves_total",
        "iamops_unknown",
    }


NASTY = 'a"b\\c\nd\re\x1b[31m \u2028 \ud800 # EOF'


def test_a_hostile_label_stays_one_label():
    source = MetricSource("iamops_test", MetricKind.GAUGE, 'what "this"\nis\\', lambda _: [({"node": NASTY}, 1)])
    ((_, labels),) = read([source.family(MetricsSnapshot(full(), (), LATER))])
    assert labels == {("cluster", "lab"), ("node", 'a"b\\c\\nd\\re\\x1b[31m \\u2028 \\ud800 # EOF')}


def test_openmetrics_ends_with_its_mark_and_the_older_format_has_none():
    found = families(full(), (), LATER)
    assert openmetrics(found).endswith("\n# EOF\n")
    assert openmetrics(found).count("# EOF") == 1
    assert "# EOF" not in classic(found)


@pytest.mark.parametrize("number", [0, 1.0, 0.0012, 1e300, NOW + 0.123, -3.5])
def test_numbers_are_written_to_be_read_back(number):
    source = MetricSource("iamops_test", MetricKind.GAUGE, "A test.", lambda _: [({"node": "a"}, number)])
    assert list(read([source.family(MetricsSnapshot(full(), (), LATER))]).values()) == [number]


def test_the_number_of_series_grows_with_the_profile_alone():
    quiet, busy = healthy(), healthy()
    for number in range(200):
        hostile = RequestCount(2000 + number, {f"{number}xx": number})
        report = ProbeReport(ProbeOutcome.BAD_ANSWER, 1.0, 500, f"detail {number}", f"node-{number}")
        events = [RequestsCounted(NOW, "iam-a", hostile), ClientProbed(NOW, "VI_1", report)]
        busy = fed(busy, [*events, AddressChanged(NOW, "iam-a", f"10.9.0.{number}", present=True)])
    assert len(page(busy)) == len(page(quiet))
