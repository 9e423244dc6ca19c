"""The page between two scrapes: counters that only grow, and the format the reader prefers."""

from __future__ import annotations

import re

import pytest

from iamops.model.events import RequestsCounted
from iamops.model.facts import RequestCount
from iamops.model.state import ClusterState
from iamops.session.metrics import MetricsPage, wants_classic
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.profiles import pair

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


class Watched:
    """A cluster whose state a test replaces between two scrapes."""

    def __init__(self) -> None:
        self.state = healthy()
        self.now = NOW
        self.page = MetricsPage(lambda: (self.state, (), self.now))

    def count(self, total: int, **by_class: int) -> None:
        classes = {name.removeprefix("c"): number for name, number in by_class.items()}
        self.state = fed(self.state, [RequestsCounted(self.now, "iam-a", RequestCount(total, classes))])

    def scrape(self, name: str) -> float | None:
        _, body = self.page.page()
        found = re.search(rf'^{name}{{[^}}]*node="iam-a"[^}}]*}} (\S+)$', body.decode(), re.MULTILINE)
        return float(found[1]) if found else None


def test_a_count_that_begins_anew_goes_on_from_where_it_was():
    watched = Watched()
    assert watched.scrape("iamops_requests_total") == 1100
    watched.count(30)
    assert watched.scrape("iamops_requests_total") == 1130
    watched.count(50)
    assert watched.scrape("iamops_requests_total") == 1150
    watched.count(7)
    assert watched.scrape("iamops_requests_total") == 1157


def test_a_count_that_was_unknown_for_a_while_goes_on():
    watched = Watched()
    watched.scrape("iamops_requests_total")
    watched.now = NOW + 60
    assert watched.scrape("iamops_requests_total") is None
    watched.count(5)
    assert watched.scrape("iamops_requests_total") == 1105


def test_a_gauge_may_fall():
    watched = Watched()
    watched.now = NOW + 3
    assert watched.scrape("iamops_node_heard_age_seconds") == 3
    watched.now = NOW + 1
    assert watched.scrape("iamops_node_heard_age_seconds") == 1


@pytest.mark.parametrize(
    ("accept", "classic"),
    [
        ("", False),
        ("*/*", False),
        (PROMETHEUS, False),
        ("text/plain", True),
        ("text/plain;version=0.0.4, application/openmetrics-text;q=0.4", True),
        ("application/openmetrics-text, text/plain", False),
        ("application/openmetrics-text;q=0, */*", True),
        ("text/*", True),
        ("TEXT/PLAIN", True),
        ("text/plain;q=0, */*;q=0.1", False),
        ("text/plain;q=1.5", False),
        ("text/plain;q=nan", False),
        (";;,q=,", False),
    ],
)
def test_the_format_follows_the_weights_of_the_accept_header(accept, classic):
    assert wants_classic(accept) is classic


def test_each_format_says_which_it_is():
    watched = Watched()
    kind, body = watched.page.page()
    assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert body.endswith(b"# EOF\n")
    kind, body = watched.page.page("text/plain")
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    assert b"# EOF" not in body


def test_it_is_healthy_while_one_node_is_heard():
    watched = Watched()
    assert watched.page.health() == (True, "live: iam-a, iam-b")
    watched.now = NOW + 2
    watched.count(1200)
    watched.now = NOW + 5
    assert watched.page.health() == (True, "live: iam-a")
    watched.now = NOW + 60
    assert watched.page.health() == (False, "no node is heard")


def test_it_is_not_healthy_before_anything_was_heard():
    nothing = MetricsPage(lambda: (ClusterState.of(pair()), (), NOW))
    assert nothing.health()[0] is False
