"""iamops itself: slow logins, floods, and rules that fail."""

from __future__ import annotations

from collections.abc import Iterator

from iamops.judge.findings import Evidence, Finding
from iamops.judge.rules import findings
from iamops.judge.rules.base import Rule, RuleInput
from iamops.judge.rules.itself import evaluated
from iamops.model.events import AddressesListed, LinkChanged, Source, SourceLost
from iamops.model.facts import Link, LinkState, Severity
from iamops.model.state import ADDRESSES_MOST
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.silent_nodes import codes_of_silence


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


def test_a_slow_login_is_told_where_another_node_is_quicker():
    """Where both are slow it is this machine, or its way out."""

    def said(*took_s: float) -> list[str]:
        links = [Link(LinkState.UP, NOW, login_s=each) for each in took_s]
        logins = [LinkChanged(NOW, node, link) for node, link in zip(("iam-a", "iam-b"), links, strict=False)]
        return [f.title for f in findings(fed(healthy(), logins), NOW + 2) if f.code == "login-slow"]

    assert said(0.3, 5.2) == ["logging in to iam-b took 5.2 s"]
    assert said(4.1, 5.2) == said(0.1, 2.0) == []


def test_a_source_that_floods_is_told_for_a_minute():
    """A source that floods is begun again and again: that its values are there for a moment is no end."""
    flood = SourceLost(NOW, "iam-b", Source.JOURNAL, "journalctl said more than 2000 lines within 5 s", flood=True)
    assert codes_of_silence(fed(healthy(), [flood]), NOW + 2) == ["node-floods"]
    assert "node-floods" not in codes_of_silence(fed(healthy(NOW + 90), [flood]), NOW + 91)
    listed = AddressesListed(NOW, "iam-b", frozenset(f"fd00::{n:x}" for n in range(ADDRESSES_MOST + 1)))
    assert "node-floods" in codes_of_silence(fed(healthy(), [listed]), NOW + 2)
