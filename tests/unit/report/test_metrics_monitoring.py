"""What is shipped for Prometheus and Grafana speaks of metrics that exist, with labels they have."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from iamops.report.metrics import METRICS, classic, families
from tests.support.metric_samples import CAUSE, LATER, full
from tests.support.monitoring_files import (
    DASHBOARD,
    MONITORING,
    RULES_TEST,
    SCRAPE,
    alerts,
    dashboard_expressions,
    metrics_in,
)

PAGE = list(parse(classic(families(full(), (CAUSE,), LATER))))
SAMPLES = [sample for family in PAGE for sample in family.samples]
LABELS = {name: {key for s in SAMPLES if s.name == name for key in s.labels} for name in {s.name for s in SAMPLES}}
ALERTS = {rule["alert"]: rule for rule in alerts()}
VARIABLES = [variable["query"] for variable in DASHBOARD["templating"]["list"]]
EXPRESSIONS = [rule["expr"] for rule in alerts()] + dashboard_expressions()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_that_is_asked_for_is_on_the_page(expression):
    assert metrics_in(expression) <= set(LABELS), expression


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_label_that_is_asked_for_is_one_of_its_metric(expression):
    for name, selector in re.findall(r"\b(iamops_\w+)\{([^}]*)\}", expression):
        asked = set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", selector))
        # A finding of the whole cluster names no node.
        assert asked <= LABELS[name] | {"node"}, expression


def test_the_variables_ask_for_metrics_that_exist():
    asked = [query["query"] for query in VARIABLES if isinstance(query, dict)]
    assert len(asked) == 2
    for query in asked:
        name, label = re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", query).groups()
        assert label in LABELS[name]


def test_every_metric_is_on_the_dashboard_or_in_an_alert():
    """What nobody looks at need not be served; versions and priorities are looked up by hand."""
    shown = set().union(*map(metrics_in, EXPRESSIONS), *(metrics_in(str(query)) for query in VARIABLES))
    by_hand = {
        "iamops_build_info",
        "iamops_vrrp_priority",
        "iamops_vrrp_effective_priority",
        "iamops_findings_explained",
    }
    assert {metric.name + metric.kind.suffix for metric in METRICS} - shown == by_hand


def test_panels_have_numbers_of_their_own_and_do_not_overlap():
    panels = DASHBOARD["panels"]
    assert max(Counter(panel["id"] for panel in panels).values()) == 1
    cells = Counter(
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    )
    assert max(cells.values()) == 1
    assert max(x for x, _ in cells) == 23


def test_every_panel_reads_the_data_source_that_was_chosen():
    sources = [panel["datasource"]["uid"] for panel in DASHBOARD["panels"]]
    sources += [target["datasource"]["uid"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    assert set(sources) == {"${datasource}"}
    assert DASHBOARD["templating"]["list"][0]["type"] == "datasource"


def test_the_dashboard_shows_the_owner_over_time():
    timelines = [panel for panel in DASHBOARD["panels"] if panel["type"] == "state-timeline"]
    assert any("iamops_vip_owner" in target["expr"] for panel in timelines for target in panel["targets"])


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_keeps_quiet(name):
    cases = [case for test in RULES_TEST["tests"] for case in test["alert_rule_test"] if case["alertname"] == name]
    assert any(case["exp_alerts"] for case in cases)
    assert any(not case["exp_alerts"] for case in cases)


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_says_how_bad_it_is_and_what_to_do(name):
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert set(rule["annotations"]) == {"summary", "description"}


def test_no_label_is_taken_by_prometheus_itself():
    """Prometheus writes `instance` and `job`; ours would come back as `exported_instance`."""
    assert not {"instance", "job"}.intersection(*[set().union(*LABELS.values())])


def test_the_example_scrapes_the_job_that_the_alerts_know():
    (job,) = SCRAPE["scrape_configs"]
    assert f'up{{job="{job["job_name"]}"}}' in ALERTS["IamopsNotWatching"]["expr"]
    assert all((MONITORING / name).exists() for name in SCRAPE["rule_files"])


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_explained_in_the_docs(metric):
    text = (MONITORING.parent / "monitoring.md").read_text()
    assert f"`{metric.name}{metric.kind.suffix}`" in text


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_is_named_in_the_docs(name):
    assert f"`{name}`" in (MONITORING.parent / "monitoring.md").read_text()
