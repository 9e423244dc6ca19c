"""Actions on the real pair: what they do, what clients notice, and what is left when they go wrong."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from iamops.judge.run import Outcome, RunReport, Stage
from iamops.model.observed import Known
from iamops.plan.action import ServiceAction, Switchover, UnitVerb
from iamops.session.adapters import StoreReader
from iamops.session.cluster import Cluster
from iamops.session.operator import Operator
from tests.lab.acting import DEAD_MAN_S, ActingLab, operating
from tests.lab.cuts import boundaries, check_cut
from tests.lab.slices import sliced
from tests.lab.whole import whole_within, wrong
from tests.support.independent_probe import probing

# Every unit, and both orders; thirty of them in the soak.
RACES = 4
UNITS = ("iam-pump", "iam-apiserver", "iam-authz-server")
GAP_MS = 60.0
AGREEMENT_MS = 20.0
# Theory: skew at priority 50 and 100; and what a busy machine may add to a timer.
PLAIN_MS = {"iam-b": 805.0, "iam-a": 609.0}
PLAIN_SLACK_MS = 100.0


@pytest.mark.alone
def test_a_switchover_is_hardly_noticed_and_measured_truly(acting: ActingLab):
    for taker in ("iam-b", "iam-a"):
        with probing("10.0.4.99", "iam.api.marmotedu.com", namespace=acting.paths.operator_namespace) as witness:
            done = acting.act("switchover", "--to", taker)
        assert done.code == 0, done.err
        assert acting.status().owners == (taker,)
        client = done.document["client"]
        within_ms = witness.known_within_ms(client, AGREEMENT_MS)
        assert witness.longest_ms <= GAP_MS + within_ms - AGREEMENT_MS, witness.result
        off_ms = abs((client["longest_gap_ms"] or 0.0) - witness.longest_ms)
        assert off_ms <= within_ms, (client, witness.result)
        assert client["answered_by"] == taker
        assert wrong(acting) == []


@pytest.mark.alone
def test_the_plain_way_costs_the_skew_of_the_taker(acting: ActingLab):
    for taker in ("iam-b", "iam-a"):
        with probing("10.0.4.99", "iam.api.marmotedu.com", namespace=acting.paths.operator_namespace) as witness:
            done = acting.act("switchover", "--plain")
        assert done.code == 0, done.err
        assert abs(witness.longest_ms - PLAIN_MS[taker]) <= PLAIN_SLACK_MS, witness.result
        client = done.document["client"]
        off_ms = abs(client["longest_gap_ms"] - witness.longest_ms)
        assert off_ms <= witness.known_within_ms(client, AGREEMENT_MS), (client, witness.result)
        assert client["dark"] > 0


def test_a_move_is_measured_at_nginx_itself_and_seldom_at_the_services(acting: ActingLab):
    """A service that logs much must not lose its journal to our probes."""
    count = "cat /var/log/nginx/access.log | grep -c iamops-probe"
    before = {node: int(acting.shell(node, count)) for node in acting.profile.nodes}
    done = acting.act("switchover", "--to", "iam-b")
    assert done.code == 0, done.err
    assert any("measured at nginx itself" in note for note in done.document["plan"]["notes"])
    through = sum(int(acting.shell(node, count)) - seen for node, seen in before.items())
    client = done.document["client"]
    # The collectors ask through nginx, too.
    assert client["attempts"] > 2 * through, (client, through)
    assert client["resolution_ms"] < client["services_resolution_ms"]


def test_without_a_track_file_the_plain_way_is_taken_and_said(acting: ActingLab):
    acting.must("iam-b", ["rm", "/run/iamops-priority.VI_1"])
    done = acting.act("switchover")
    assert done.code == 0, done.err
    assert "no track file for VI_1" in done.document["plan"]["notes"][0]
    assert acting.status().owners == ("iam-b",)


def test_a_dry_run_prints_the_plan_that_is_then_run_and_changes_nothing(acting: ActingLab):
    before = acting.footprint()
    dry = acting.run("switchover", "--dry-run", "--json")
    assert dry.code == 0, dry.err
    assert acting.footprint() == before
    ran = acting.act("switchover").document["plan"]
    printed = dry.document
    assert [step["argv"] for step in ran["steps"]] == [step["argv"] for step in printed["steps"]]


@pytest.mark.parametrize("unit", sliced(["iam-pump", "nginx", "keepalived", "mariadb"], "iam-pump", "mariadb"))
def test_every_verb_works_on_a_unit(acting: ActingLab, unit: str):
    node = "iam-a" if unit == "mariadb" else "iam-b"
    override = ("--override", "datastore-spof", "--override", "last-backend", "--reason", "test")
    pid = ("systemctl", "show", "-P", "MainPID", unit)
    first = acting.says(node, *pid)
    assert acting.act("stop", unit, node, *override).code == 0
    assert acting.says(node, "systemctl", "is-active", unit) == "inactive"
    assert acting.act("start", unit, node, *override).code == 0
    second = acting.says(node, *pid)
    restarted = acting.act("restart", unit, node, *override)
    assert restarted.code == 0, restarted.err
    third = acting.says(node, *pid)
    assert len({first, second, third}) == 3
    if unit in ("nginx", "keepalived"):
        done = acting.act("reload", unit, node)
        assert done.code == 0, done.err
        assert acting.says(node, *pid) == third
    # A node whose nginx stood still leaves FAULT with keepalived's next check.
    assert whole_within(acting, DEAD_MAN_S + 5) >= 0


def test_a_rolling_restart_replaces_every_process_and_loses_the_vip_nowhere(acting: ActingLab):
    nodes = ("iam-a", "iam-b")
    before = [acting.says(n, "systemctl", "show", "-P", "MainPID", "iam-authz-server") for n in nodes]
    done = acting.act("restart", "iam-authz-server", "--rolling")
    assert done.code == 0, done.err
    after = [acting.says(n, "systemctl", "show", "-P", "MainPID", "iam-authz-server") for n in nodes]
    assert not set(before) & set(after)
    assert acting.status().owners == ("iam-a",)


def test_a_move_that_does_not_come_is_failed_and_the_vip_is_brought_back(acting: ActingLab):
    acting.fault("vip-denied", "iam-b")
    done = acting.act("switchover")
    assert done.code == 1, done.err
    document = done.document
    assert document["outcome"] == "failed"
    failed = next(step for step in document["steps"] if step["stage"] == "failed")
    assert failed["title"] == "stop keepalived on iam-a"
    assert "not on iam-b" in failed["observed"]
    assert document["restored_by"] == "console"
    assert acting.status().owners == ("iam-a",)
    acting.heal("vip-denied", "iam-b")
    assert wrong(acting) == []


def test_a_command_that_succeeds_without_its_effect_is_failed(acting: ActingLab):
    drop_in = "/run/systemd/system/iam-pump.service.d"
    acting.must("iam-b", ["sh", "-c", f"mkdir -p {drop_in} && systemctl cat iam-pump > /dev/null"])
    lines = "[Service]\\nExecStart=\\nExecStart=/bin/sleep infinity\\n"
    acting.must("iam-b", ["sh", "-c", f"printf '{lines}' > {drop_in}/deaf.conf && systemctl daemon-reload"])
    try:
        done = acting.act("restart", "iam-pump", "iam-b")
        assert done.code == 1, done.err
        document = done.document
        failed = next(step for step in document["steps"] if step["stage"] == "failed")
        assert failed["title"] == "restart iam-pump on iam-b"
        assert "iam-pump" in failed["observed"]
        assert [each["title"] for each in document["undone"]] == ["start iam-pump"]
    finally:
        acting.must("iam-b", ["sh", "-c", f"rm -r {drop_in} && systemctl daemon-reload"])
        acting.must("iam-b", ["systemctl", "restart", "iam-pump"])
    assert whole_within(acting, DEAD_MAN_S + 5) >= 0


def test_a_node_without_room_for_undos_is_left_alone_and_says_why(acting: ActingLab):
    """systemd keeps timers in /run. Its own words on a full one are that there is no such timer."""
    before = acting.footprint()
    used_k = acting.shell("iam-b", "df --output=used /run | tail -n 1")
    acting.must("iam-b", ["mount", "-o", f"remount,size={used_k}k", "/run"])
    try:
        done = acting.act("restart", "iam-pump", "iam-b")
    finally:
        acting.must("iam-b", ["mount", "-o", "remount,size=20%", "/run"])
    assert done.code == 1, done.err
    assert "/run on iam-b is full" in done.document["sentence"], done.document
    assert acting.footprint() == before


def interrupted_at(acting: ActingLab, title: str) -> tuple[int, str]:
    """A switchover with SIGINT when a step begins: its exit code, and what it said from there on."""
    command = [sys.executable, "-m", "iamops", "--profile", str(acting.profile_file), "switchover", "--yes"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=acting.environment
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if title in line:
                break
        running.send_signal(signal.SIGINT)
        rest = running.stdout.read()
        return running.wait(60), rest


@pytest.mark.alone
def test_an_interrupted_switchover_is_undone_and_exits_130(acting: ActingLab):
    code, rest = interrupted_at(acting, "raise the priority")
    assert code == 130, rest
    assert "undone: interrupted" in rest
    assert whole_within(acting, 3.0) < 3.0, "restored by the console itself, not by a timer"
    assert acting.status().owners == ("iam-a",)


@pytest.mark.alone
def test_a_vip_that_has_moved_already_is_not_called_undone(acting: ActingLab):
    code, rest = interrupted_at(acting, "stop keepalived")
    assert whole_within(acting, 3.0) < 3.0, "restored by the console itself, not by a timer"
    moved = acting.status().owners == ("iam-b",)
    assert code == (1 if moved else 130), rest
    assert ("the VIP of VI_1 is on iam-b and was on iam-a" in rest) == moved


def test_of_two_operators_exactly_one_acts(acting: ActingLab):
    check_races(acting, RACES)
    assert wrong(acting) == []


def check_races(lab: ActingLab, count: int) -> None:
    """So many races, and one winner of each."""
    races = asyncio.run(_races(lab, count))
    assert len(races) == count
    for number, reports in enumerate(races):
        told = f"race {number}: " + " / ".join(f"{each.outcome}: {each.sentence}" for each in reports)
        assert sorted(each.outcome for each in reports) == [Outcome.REFUSED, Outcome.SUCCEEDED], told
        denied = {denial.code for each in reports for denial in each.denials}
        assert denied <= {"locked", "state-changed", "dead-man-armed"}, told


async def _races(lab: ActingLab, count: int) -> list[list[RunReport]]:
    """Two sessions with links of their own ask for different things at the same moment."""
    found: list[list[RunReport]] = []
    async with operating(lab) as (ours, alice), operating(lab) as (theirs, bob):
        for number in range(count):
            nodes = ("iam-a", "iam-b") if number % 2 else ("iam-b", "iam-a")
            # Both start from what is true now: this is about the lock, not about a plan on old news.
            await asyncio.gather(*(_seen_anew(cluster) for cluster in (ours, theirs)))
            # systemd starts a unit five times in ten seconds and no more; so each race is about another.
            unit = UNITS[number % len(UNITS)]
            found.append(await asyncio.gather(_restart(alice, unit, nodes[0]), _restart(bob, unit, nodes[1])))
    return found


async def _seen_anew(cluster: Cluster) -> None:
    eyes = StoreReader(cluster.store, cluster.now, cluster.refresh_nodes, cluster.refresh_files)
    assert await eyes.fresh(tuple(cluster.profile.nodes), 5.0) == ()


async def _restart(operator: Operator, unit: str, node: str) -> RunReport:
    action = ServiceAction(UnitVerb.RESTART, unit, node)
    order = operator.order(action, reason="race", overrides=("last-backend",))
    return await operator.run(order, lambda report: None)


def test_a_killed_holder_frees_the_lock_at_once(acting: ActingLab):
    command = [sys.executable, "-m", "iamops", "--profile", str(acting.profile_file)]
    command += ["restart", "iam-apiserver", "--rolling", "--yes"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=acting.environment) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if "acting" in line:
                break
        held = acting.exec("iam-b", ["flock", "--nonblock", "/run", "true"]).returncode
        os.kill(running.pid, signal.SIGKILL)
        running.wait(10)
    assert held == 1
    deadline = time.monotonic() + 3
    while acting.exec("iam-b", ["flock", "--nonblock", "/run", "true"]).returncode != 0:
        assert time.monotonic() < deadline, "the lock outlived its holder"
    whole_within(acting, DEAD_MAN_S + 5)


def test_both_sides_remember_and_one_changed_byte_is_found(acting: ActingLab):
    done = acting.act("restart", "iam-pump", "iam-b", "--reason", "a word to find")
    run = done.document["run"]
    journal = acting.says("iam-b", "journalctl", "-t", "iamops", "-o", "cat", "--no-pager")
    mine = [line for line in journal.splitlines() if f"run={run}" in line]
    anchor = rf"run={run} ledger=[0-9a-f]{{16}} n=[0-9]+ head=[0-9a-f]{{32}} place=[0-9a-f]{{12}} "
    assert [re.sub(anchor, "", line).split(" by ")[0] for line in mine] == [
        "restart iam-pump on iam-b begins",
        "restart iam-pump on iam-b: succeeded",
    ]
    assert all("a word to find" in line for line in mine)
    verified = acting.run("audit", "verify", "--json")
    assert verified.code == 0, verified.out
    count = verified.document["records"]
    ledger = acting.directory / "state" / "iamops" / "audit.jsonl"
    content = bytearray(ledger.read_bytes())
    place = content.rindex(b"a word to find")
    content[place] ^= 1
    copy = acting.directory / "changed.jsonl"
    copy.write_bytes(content)
    found = acting.run("audit", "verify", "--json", "--file", str(copy))
    assert found.code == 1
    assert json.loads(found.out)["broken"]["record"] == count


# The boundaries of an undisturbed switchover: the same each time.
SWITCHOVER: list[str] = []


def boundary_of_a_switchover(lab: ActingLab, name: str) -> int:
    """Its number."""
    if not SWITCHOVER:
        SWITCHOVER.extend(boundaries(lab, "switchover"))
        assert len(SWITCHOVER) > 20
        lab.make_whole()
    (at,) = (at for at, each in enumerate(SWITCHOVER) if each.startswith(name))
    return at


# One boundary of each kind; the soak takes all of them, of all actions, in all ways of being cut.
KILLED_AT = {
    "nothing is armed": "acting",
    "the first undo is armed": "raise the priority of VI_1 on iam-b from 50 to 254: running",
    "both are and the VIP moves": "stop keepalived on iam-a: observing",
    "one is disarmed": "disarm on iam-a: start keepalived: observing",
}


@pytest.mark.parametrize("when", sliced(KILLED_AT, "nothing is armed", "one is disarmed"))
def test_a_switchover_killed_at_a_boundary_leaves_a_whole_pair(acting: ActingLab, when: str):
    check_cut(acting, "switchover", boundary_of_a_switchover(acting, KILLED_AT[when]), "kill", "-")


def test_a_link_cut_in_mid_action_is_unknown_and_the_node_brings_itself_back(acting: ActingLab):
    at = boundary_of_a_switchover(acting, "stop keepalived on iam-a: observing")
    line = check_cut(acting, "switchover", at, "ssh", "iam-a")
    assert "| unknown |" in line, line


def test_the_other_node_losing_power_in_mid_action_brings_the_vip_back(acting: ActingLab):
    at = boundary_of_a_switchover(acting, "stop keepalived on iam-a: running")
    line = check_cut(acting, "switchover", at, "power", "iam-b")
    assert "| failed |" in line or "| unknown |" in line, line


async def test_an_interrupted_start_is_told_as_what_it_did(acting: ActingLab):
    """It has no undo: when it was sent, it is looked at what came of it."""
    acting.must("iam-b", ["systemctl", "stop", "iam-pump"])
    async with operating(acting) as (_cluster, operator):

        def tell(report: RunReport) -> None:
            if report.steps and report.steps[-1].stage is Stage.RUNNING:
                task.cancel()

        order = operator.order(ServiceAction(UnitVerb.START, "iam-pump", "iam-b"))
        task = asyncio.ensure_future(operator.run(order, tell))
        report = await task
    runs = acting.says("iam-b", "systemctl", "is-active", "iam-pump") == "active"
    acting.must("iam-b", ["systemctl", "start", "iam-pump"])
    if report.outcome is Outcome.SUCCEEDED:
        assert runs
        assert report.notes == ("interrupted, but by then this was done: start iam-pump on iam-b",)
    else:
        assert report.outcome is Outcome.UNKNOWN, report.sentence
        assert "interrupted before it was seen" in report.sentence


async def test_one_s_own_lock_does_not_stand_in_the_way_of_the_next_action(acting: ActingLab):
    """Facts about locks are read every 30 s: a run that has ended asks for them itself."""
    async with operating(acting) as (cluster, operator):
        for _ in range(2):
            report = await operator.run(operator.order(Switchover()), lambda _report: None)
            assert report.outcome is Outcome.SUCCEEDED, report.sentence
            assert operator._seeing_free is not None
            await operator._seeing_free
            assert all(isinstance(node.safety, Known) for node in cluster.store.state.nodes.values())
            _, denied = operator.consider(operator.order(Switchover()))
            assert [denial.reason for denial in denied if denial.code in ("locked", "dead-man-armed")] == []
