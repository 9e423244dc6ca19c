"""The console does not contradict itself: one tree of findings, filters that stay where they were typed."""

from __future__ import annotations

from dataclasses import replace

from iamops.judge.findings import Diagnosis, Finding
from iamops.judge.triage.correlate import correlate
from iamops.model.events import (
    AddressChanged,
    ClientProbed,
    FilesExamined,
    HttpProbed,
    Recalled,
    Remembered,
    RequestsCounted,
    Target,
)
from iamops.model.facts import ProbeOutcome, RequestCount, Severity
from iamops.model.state import ClusterState
from iamops.report.status import status_document
from iamops.session.cluster import Cluster
from iamops.tui.toolkit.painted import ViewState
from tests.support import scenes
from tests.support.cluster_states import files
from tests.support.drills_view import begun, drill_operator
from tests.support.scenes import NOW, VIP, A, B, FixedCluster, addresses, bad, fed, host, linked
from tests.support.screens import Watched, agree, armed, console
from tests.support.triage_samples import BLINDS, CHECKED, DARK, FLAPPING, NO_GRANT, SPLIT

BROKEN = replace(NO_GRANT, code="nginx-config-invalid", title="nginx would not start on iam-b", node="iam-b")


async def test_what_only_the_deep_look_told_counts_in_every_view_with_its_age() -> None:
    cluster = FixedCluster(scenes.healthy(), findings=(NO_GRANT,))
    cluster.deep = Diagnosis((BROKEN, NO_GRANT), (), CHECKED)
    async with console(scenes.healthy(), (120, 40), cluster) as seen:
        assert "FINDINGS 1" in seen.text
        await seen.press("6")
        await seen.until(lambda: "TRIAGE 2" in seen.text)
        assert "ALERTS 2" in seen.lines[0]
        cluster.time += 3
        seen.app._tick()
        await seen.until(lambda: "(seen 3 s ago)" in seen.text)
        await seen.press("1")
        await seen.until(lambda: "FINDINGS 2" in seen.text)
        assert "ALERTS 2" in seen.lines[0]
        await seen.press("2")
        await seen.until(lambda: "ALERTS 2" in seen.lines[0])


async def test_overview_and_triage_give_the_same_first_step() -> None:
    """The deep look found the cause of what is live."""
    cluster = FixedCluster(scenes.healthy(), findings=(DARK,))
    cluster.deep = Diagnosis((replace(SPLIT, explains=(DARK,)),), (), CHECKED)
    async with console(scenes.healthy(), (120, 40), cluster) as seen:
        await seen.press("6")
        await seen.until(lambda: "TRIAGE 2" in seen.text)
        in_triage = next(line for line in seen.lines if line.strip().startswith("next"))
        await seen.press("1")
        await seen.until(lambda: "FINDINGS 2" in seen.text)
        assert SPLIT.next in in_triage
        assert any(SPLIT.next in line for line in seen.lines if line.strip().startswith("next"))


async def test_the_rules_first_step_is_the_same_in_overview_triage_and_status() -> None:
    """An address that was left on the other node; and an nginx that hangs, with the client's silence below it."""
    silent = bad(ProbeOutcome.TIMEOUT, "no answer within 1 s")
    hung = [HttpProbed(NOW, A, A, Target.DOMAIN, domain, silent) for domain in scenes.DOMAINS]
    astray = [AddressChanged(NOW - 12, B, VIP, present=True), *host(A, NOW), *host(B, NOW)]
    for events, step in (
        (astray, "look: ip addr on iam-b"),
        ((*hung, ClientProbed(NOW, "VI_1", silent)), "nginx"),
    ):
        cluster = FixedCluster(fed(scenes.healthy(), events))
        state = cluster.store.state
        cluster.findings = Cluster.findings.__get__(cluster)  # type: ignore[method-assign]
        cluster.deep = Diagnosis(cluster.findings(state, NOW), (), CHECKED)
        status = status_document(state, correlate(cluster.findings(state, NOW)), NOW)["findings"]
        assert [each["explained_by"] for each in status] == [None, status[0]["code"]]
        assert step in status[0]["next"]
        async with console(state, (120, 40), cluster) as seen:
            assert _next(seen) == status[0]["next"]
            await seen.press("6")
            await seen.until(lambda: "TRIAGE 2" in seen.text)
            assert _next(seen) == status[0]["next"]


def _next(seen: Watched) -> str:
    return _line(seen, " next ").strip().removeprefix("next").strip()


async def test_without_a_deep_look_it_says_that_there_was_none() -> None:
    cluster = FixedCluster(scenes.healthy())
    cluster.deep = Diagnosis((), BLINDS, CHECKED)
    async with console(scenes.healthy(), cluster=cluster) as seen:
        assert "no live findings · deep look: never" in seen.text
        await seen.press("6")
        await seen.until(lambda: "cannot tell 2 rules" in seen.text)
        await seen.press("1")
        await seen.until(lambda: "not all could be asked; looked" in seen.text)


async def test_a_look_is_taken_again_on_refresh_also_from_another_view() -> None:
    cluster = FixedCluster(scenes.healthy())
    cluster.deep = Diagnosis((BROKEN,), (), CHECKED)
    async with console(scenes.healthy(), cluster=cluster) as seen:
        await seen.press("6", "1")
        await seen.until(lambda: BROKEN.title[:20] in seen.text)
        cluster.deep = Diagnosis((), (), CHECKED)
        await seen.press("ctrl+r")
        await seen.until(lambda: "no findings: 5 rules asked" in seen.text)


async def test_a_filter_stays_in_the_view_in_which_it_was_typed() -> None:
    cluster = FixedCluster(scenes.healthy(), findings=(SPLIT, NO_GRANT))
    async with console(scenes.healthy(), (120, 40), cluster) as seen:
        await seen.press("slash", *"mongodb", "enter")
        assert "/mongodb" in seen.text
        for key, title in (("6", "TRIAGE 4"), ("3", "LOGS"), ("4", "DRILLS")):
            await seen.press(key)
            await seen.until(lambda title=title: title in seen.text)
            assert "/mongodb" not in seen.text
        await seen.press("1")
        await seen.until(lambda: "/mongodb" in seen.text)


async def test_findings_that_a_filter_hides_are_counted_and_esc_shows_them() -> None:
    cluster = FixedCluster(scenes.healthy(), findings=(SPLIT, NO_GRANT))
    async with console(scenes.healthy(), (120, 40), cluster) as seen:
        await seen.press("6", "slash", *"mariadb", "enter")
        assert "3 findings hidden by /mariadb, Esc shows them" in seen.text
        await seen.press("slash", *"xyz", "enter")
        # In the list, and below it in the place of an all-clear.
        assert seen.text.count("4 findings hidden by /xyz, Esc shows them") == 2
        assert "no findings" not in seen.text
        assert "nothing matches" not in seen.text
        await seen.press("escape")
        await seen.until(lambda: FLAPPING.title in seen.text)
        assert "hidden" not in seen.text


def test_a_moment_without_a_look_has_nothing_deep() -> None:
    assert ViewState(scenes.healthy(), scenes.NOW).deep == frozenset()


async def test_findings_come_and_go_as_events() -> None:
    cluster = FixedCluster(scenes.healthy())
    async with console(scenes.healthy(), (120, 40), cluster) as seen:
        cluster.found = (DARK, NO_GRANT)
        cluster.time += 1
        seen.app._tick()
        await seen.until(lambda: f"✗ found: {DARK.title}"[:30] in seen.text)
        assert seen.text.index("✗ found: ") < seen.text.index("▲ found: "), "the worst first"
        cluster.found = ()
        for _ in range(6):
            cluster.time += 1.5
            for event in (*host("iam-a", cluster.time), *host("iam-b", cluster.time)):
                cluster.store.apply(event)
            seen.app._tick()
            await seen.pilot.pause(0.05)
        await seen.until(lambda: any("over after" in each.text for each in cluster.store.state.notices))


async def test_what_journals_remember_stands_below_the_date_with_its_source() -> None:
    cluster = FixedCluster(scenes.healthy())
    async with console(scenes.healthy(), (120, 40), cluster) as seen:
        text, source = "VIP 10.0.4.99 moved iam-a -> iam-b", "keepalived's journal"
        line = Remembered(scenes.NOW - 86_000, "iam-b", Severity.WARNING, text, source)
        cluster.store.apply(Recalled(scenes.NOW, (line,)))
        await seen.until(lambda: "Wed 08 Oct:" in seen.text)
        assert "VIP 10.0.4.99 moved iam-a -> iam-b" in seen.text
        assert "(keepalived's journal)" in seen.text


async def test_during_ones_own_switchover_nothing_rings_and_nothing_advises_against_it() -> None:
    stopped = Finding(
        "unit-down", Severity.CRITICAL, "keepalived is inactive on iam-a", (), "iamops start it", "iam-a"
    )
    async with console(scenes.healthy(), (120, 40)) as seen:
        await armed(seen)
        seen.cluster.found = (NO_GRANT,)
        seen.cluster.time += 1
        seen.app._tick()
        await seen.until(lambda: NO_GRANT.next in seen.text)
        await seen.press("F")
        await agree(seen)
        await seen.press("q")
        called: list[str] = []
        seen.app.notify_terminal = called.append  # type: ignore[method-assign]
        seen.cluster.found = (stopped, NO_GRANT)
        seen.cluster.time += 1
        seen.app._tick()
        await seen.until(lambda: "keepalived is inactive on iam-a" in seen.text)
        await seen.until(lambda: "nothing to do: during switchover" in seen.text)
        assert "iamops start it" not in seen.text
        await seen.press("6")
        await seen.until(lambda: "TRIAGE 2" in seen.text)
        assert "iamops start it" not in seen.text
        await seen.press("1")
        assert called == []
        seen.operator.go_on.set()
        await seen.until(lambda: "ACTING" not in seen.lines[0])
        seen.cluster.time += 10
        seen.app._tick()
        await seen.until(lambda: "iamops start it" in seen.text)


async def test_during_ones_own_drill_nothing_advises_against_it_in_any_view() -> None:
    stopped = Finding("unit-down", Severity.CRITICAL, "nginx is inactive on iam-a", (), "iamops start nginx", A)
    async with console(scenes.healthy(), (120, 40), operator=drill_operator()) as seen:
        await begun(seen)
        await seen.press("q", "1")
        seen.cluster.found = (stopped,)
        seen.cluster.time += 1
        seen.app._tick()
        await seen.until(lambda: "nothing to do: during drill keepalived-stop" in seen.text)
        await seen.press("6")
        await seen.until(lambda: "TRIAGE 1" in seen.text)
        assert "nothing to do: during drill keepalived-stop" in seen.text
        assert "iamops start" not in seen.text, "neither as a step nor out of the runbook"


async def test_where_there_is_room_every_cause_is_in_sight_with_its_step() -> None:
    cluster = FixedCluster(scenes.healthy(), findings=(replace(SPLIT, explains=(DARK,)),))
    async with console(scenes.healthy(), (120, 40), cluster) as seen:
        assert "FINDINGS 2" in seen.text
        cluster.found = (*cluster.found, NO_GRANT)
        cluster.time += 1
        seen.app._tick()
        await seen.until(lambda: "FINDINGS 3" in seen.text)
        rows = [line.strip() for line in seen.lines[seen.lines.index(_line(seen, "FINDINGS 3")) + 1 : -2]]
        assert [row.split()[0] for row in rows] == ["✗", "because", "next", "└", "▲", "because", "next"]
        cluster.found = (NO_GRANT,)
        cluster.time += 1
        seen.app._tick()
        await seen.until(lambda: seen.lines[-6].startswith("─ FINDINGS 1"))


def _line(seen: Watched, words: str) -> str:
    return next(line for line in seen.lines if words in line)


async def test_a_key_ends_a_message_and_the_foot_tells_of_the_row_that_it_leads_to() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.press("1")
        assert "this is the Overview" in seen.foot
        await seen.press("j")
        assert "this is the Overview" not in seen.foot
        assert "iam.authz.marmotedu.com" in seen.foot


async def test_the_rate_says_that_it_is_a_mean_and_a_hole_makes_no_peak() -> None:
    """The console stood still for forty seconds, then all lines came at once. Those of iam-b come every seven."""
    state = ClusterState.of(scenes.profile())
    ago = {"iam-a": [n for n in range(100, 0, -1) if not 20 < n < 60], "iam-b": [*range(99, 0, -7), 0.5]}
    for node, each in ago.items():
        counts = (RequestsCounted(scenes.NOW - n, node, RequestCount(round(60 * (200 - n)))) for n in each)
        state = fed(state, [*linked(node, scenes.NOW - 100), *counts])
    async with console(state, (120, 40)) as seen:
        assert "mean of 10s" in seen.text
        graphs = [line.rstrip() for line in seen.lines if "█" in line]
        assert len(graphs) == 2, seen.text
        for graph in graphs:
            assert set(graph[:-1]) & set("▁▂▃▄▅▆▇█") == {"█"}, "an even stream"
        holes = ["  " in graph.split("█", 1)[1].rsplit("█", 1)[0] for graph in graphs]
        assert holes == [True, False]


async def test_on_a_narrow_screen_the_age_of_an_earlier_look_is_not_cut_off() -> None:
    cluster = FixedCluster(scenes.healthy())
    cluster.deep = Diagnosis((BROKEN,), (), CHECKED)
    async with console(scenes.healthy(), (80, 24), cluster) as seen:
        await seen.press("6", "1")
        await seen.until(lambda: "▲ WARNING ◌ <1s nginx" in seen.text)


async def test_what_was_not_observed_yet_is_no_alert() -> None:
    """A busy machine: both nodes are heard, the VIP is on a kernel, and no keepalived has told its state yet."""
    state = ClusterState.of(scenes.profile())
    at = scenes.NOW - 2
    both = (*linked("iam-a", at), *linked("iam-b", at), *addresses("iam-b", "10.0.4.21", at, vip=True))
    async with console(state) as seen:
        cluster = seen.cluster
        cluster.findings = Cluster.findings.__get__(cluster)  # type: ignore[method-assign]
        for event in both:
            cluster.store.apply(event)
        cluster.time += 1
        seen.app._tick()
        await seen.until(lambda: "-> iam-b" in seen.lines[0])
        assert "ALERTS 0" in seen.lines[0]
        assert "CRITICAL" not in seen.text


async def test_a_plan_does_not_say_that_an_unhealthy_node_serves_meanwhile() -> None:
    refused = bad(ProbeOutcome.REFUSED, "connection refused")
    probed = HttpProbed(scenes.NOW - 0.3, "iam-b", "iam-b", Target.SERVICE, "iam-apiserver", refused)
    profile = scenes.profile()
    sent = [FilesExamined(scenes.NOW, node, files(profile, node)) for node in profile.nodes]
    async with console(fed(scenes.healthy(), [*sent, probed]), (120, 40)) as seen:
        await armed(seen)
        await seen.type(":stop iam-apiserver iam-a")
        await seen.press("enter")
        await seen.until(lambda: "nothing else serves it" in seen.text)
        assert "serves meanwhile" not in seen.text
