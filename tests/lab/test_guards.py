"""Each guard on the real pair: it refuses with exit code 3 and its reason, and nothing has changed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from iamops.judge.run import Outcome
from iamops.lab.processes import wait_until
from iamops.model.exit_code import ExitCode
from iamops.nodes.collect.system import read_safety
from iamops.nodes.lock import hold
from iamops.plan.action import ServiceAction, UnitVerb
from iamops.session.connections import connections
from tests.lab.acting import DEAD_MAN_S, ActingLab, operating, profile_of
from tests.lab.serving import edited

RESTART = ("restart", "iam-pump", "iam-b")
CHECK = "/etc/keepalived/check_nginx.sh"


def refused(lab: ActingLab, code: str, *argv: str, profile: Path | None = None, exit_with: int = 3) -> str:
    """Runs an action that must be refused for this reason alone or among others; returns the reason."""
    before = lab.footprint()
    done = lab.act(*argv, profile=profile)
    assert done.code == exit_with, (done.code, done.out, done.err)
    reasons = {denial["code"]: denial["reason"] for denial in done.document["denials"]}
    assert code in reasons, done.document
    assert reasons[code] in done.err or f"{code}:" in done.err, "the reason is printed for a person too"
    assert lab.footprint() == before, "something was touched"
    return reasons[code]


def state_of(lab: ActingLab, node: str) -> str:
    """What keepalived said last on a node."""
    said = lab.shell(node, "journalctl -u keepalived -o cat | grep -o 'Entering [A-Z]* STATE' | tail -1")
    return said.split()[1] if said else ""


def test_a_standby_in_fault(acting: ActingLab):
    acting.fault("stop-unit", "iam-b", "nginx")
    assert wait_until(lambda: state_of(acting, "iam-b") == "FAULT", wait_s=20)
    assert "would not take the VIP" in refused(acting, "standby-fault", "switchover")


def test_a_standby_whose_nginx_hangs(acting: ActingLab):
    acting.fault("nginx-hang", "iam-b")
    refused(acting, "standby-unhealthy", "switchover")


@contextmanager
def blind_check(lab: ActingLab, node: str) -> Iterator[None]:
    """The check script always passes, as the seed's does on a machine without telnet."""
    lab.must(node, ["cp", "-p", CHECK, f"{CHECK}.kept"])
    lab.must(node, ["sh", "-c", f"printf '#!/bin/sh\\nexit 0\\n' > {CHECK}"])
    try:
        yield
    finally:
        lab.must(node, ["mv", f"{CHECK}.kept", CHECK])


def test_a_standby_whose_check_is_blind(acting: ActingLab):
    with blind_check(acting, "iam-b"):
        acting.fault("stop-unit", "iam-b", "nginx")
        # Longer than the check needs to notice: two runs, five seconds apart.
        time.sleep(11)
        assert state_of(acting, "iam-b") == "BACKUP"
        assert "its check does not see it" in refused(acting, "check-blind", "switchover")
        acting.heal("stop-unit", "iam-b", "nginx")


def test_a_standby_that_cannot_be_reached(acting: ActingLab):
    acting.fault("ssh-blocked", "iam-b")
    refused(acting, "standby-unreachable", "switchover")


def test_a_node_that_cannot_be_reached_is_exit_code_4(acting: ActingLab):
    acting.fault("ssh-blocked", "iam-b")
    refused(acting, "node-unreachable", "restart", "nginx", "iam-b", exit_with=4)


def test_a_split_brain(acting: ActingLab):
    acting.fault("vrrp-drop")
    assert wait_until(lambda: len(acting.status().owners) == 2, wait_s=15)
    assert "at once" in refused(acting, "split-brain", "switchover")


def test_no_owner(acting: ActingLab):
    for node in ("iam-a", "iam-b"):
        acting.fault("stop-unit", node, "keepalived")
    refused(acting, "no-owner", "switchover")


@contextmanager
def held_by_someone(lab: ActingLab, node: str) -> Iterator[None]:
    note = json.dumps({"who": "bob@desk", "action": "switchover", "run": "cafe"})
    argument = f"iamops-lock from=10.0.4.1 since={int(time.time())} {note}"
    inner = ["flock", "--nonblock", "/run", "bash", "-c", "echo held; read -r -t 60 _", argument]
    with subprocess.Popen(
        lab.exec_command(node, inner), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield
        finally:
            holder.communicate("\n", timeout=10)


def test_another_operator_on_any_node(acting: ActingLab):
    with held_by_someone(acting, "iam-b"):
        reason = refused(acting, "locked", "restart", "iam-pump", "iam-a")
    assert "bob@desk from 10.0.4.1 holds iam-b" in reason
    assert "switchover" in reason


async def test_the_lock_of_an_action_is_seen_from_outside_for_as_long_as_it_is_held(acting: ActingLab):
    note = {"who": "bob@desk", "action": "switchover", "run": "cafe"}
    async with connections(profile_of(acting.profile_file)) as transports:
        node = transports["iam-b"]
        async with hold(node, note):
            holder = (await read_safety(node, time.time)).report.lock
        assert holder is not None
        assert (holder.who, holder.action) == ("bob@desk", "switchover")
        assert (await read_safety(node, time.time)).report.lock is None


def test_an_armed_undo_of_an_earlier_run(acting: ActingLab):
    timer = ["systemd-run", "--quiet", "--collect", "--on-active=60s", "--unit=iamops-dead-man-nginx", "true"]
    acting.must("iam-b", timer)
    assert "still armed on iam-b (nginx)" in refused(acting, "dead-man-armed", "restart", "iam-pump", "iam-a")
    acting.must("iam-b", ["systemctl", "stop", "iamops-dead-man-nginx.timer"])


def test_a_raised_priority(acting: ActingLab):
    acting.must("iam-b", ["sh", "-c", "echo 20 > /run/iamops-priority.VI_1"])
    assert "raised by 20" in refused(acting, "priority-raised", "switchover")
    acting.must("iam-b", ["sh", "-c", "echo 0 > /run/iamops-priority.VI_1"])


def test_a_vip_that_has_just_moved(acting: ActingLab):
    slow = acting.write_profile("calm.yaml", safety={"dead_man_s": DEAD_MAN_S, "anti_flap_s": 120})
    acting.must("iam-a", ["systemctl", "restart", "keepalived"])
    assert wait_until(lambda: acting.status().owners == ("iam-b",), wait_s=10)
    assert "s more" in refused(acting, "anti-flap", "switchover", profile=slow)


def test_the_only_node_of_a_datastore(acting: ActingLab):
    assert "mariadb" in refused(acting, "datastore-spof", "restart", "mariadb", "iam-a")


def test_the_last_backend(acting: ActingLab):
    acting.fault("stop-unit", "iam-b", "iam-apiserver")
    refused(acting, "last-backend", "restart", "iam-apiserver", "iam-a")


def test_preemption_would_take_the_vip_back(acting: ActingLab):
    """By what keepalived runs with: the profile still says nopreempt."""
    restart = ["systemctl", "restart", "keepalived"]
    try:
        with edited(acting, "iam-a", "/etc/keepalived/keepalived.conf", "s/^ *nopreempt/    preempt_delay 2/"):
            acting.must("iam-a", restart)
            assert wait_until(lambda: acting.status().owners == ("iam-a",), wait_s=20)
            assert "after its preempt_delay of 2 s" in refused(acting, "preempts", "switchover")
    finally:
        acting.must("iam-a", restart)


def test_production_that_is_not_armed_and_armed_by_its_name(acting: ActingLab):
    """A production profile names no namespace, so the whole console is put inside the lab's."""
    production = acting.write_profile("production.yaml", environment="production", network_namespace=None)
    before = acting.footprint()
    done = acting.run(*RESTART, "--yes", "--json", profile=production, inside=True)
    assert (done.code, done.denied) == (3, ["not-armed"])
    assert "read-only until it is armed" in done.err
    assert acting.footprint() == before
    done = acting.run(*RESTART, "--yes", "--json", "--arm", "other", profile=production, inside=True)
    assert (done.code, done.denied) == (3, ["not-armed"])
    done = acting.run(*RESTART, "--yes", "--json", "--arm", "lab", profile=production, inside=True)
    assert done.code == 0, done.err


def test_what_does_not_run_cannot_be_reloaded(acting: ActingLab):
    acting.fault("stop-unit", "iam-b", "nginx")
    refused(acting, "not-running", "reload", "nginx", "iam-b")


def test_an_undo_that_would_fire_too_early(acting: ActingLab):
    assert f"its undo fires after {DEAD_MAN_S} s" in refused(
        acting, "dead-man-too-short", "stop", "nginx", "iam-a"
    )


def test_a_broken_configuration_before_a_restart(acting: ActingLab):
    acting.fault("nginx-config-broken", "iam-b")
    reason = refused(acting, "config-invalid", "restart", "nginx", "iam-b")
    assert "/etc/nginx" in reason


def test_a_broken_configuration_before_a_switchover_and_a_drill_that_would_start_it_again(acting: ActingLab):
    missing = r"s/^    track_script \{/    track_interface {\n        eth7\n    }\n&/"
    insist = ("--override", "unloaded-changes", "--reason", "the check is what is tested")
    with edited(acting, "iam-a", "/etc/keepalived/keepalived.conf", missing):
        assert "eth7" in refused(acting, "config-invalid", "switchover", *insist)
        before = acting.footprint()
        done = acting.run("drill", "run", "keepalived-stop", "--yes", *insist)
        assert (done.code, acting.footprint()) == (3, before), done.out
        assert "config-invalid" in done.err


def test_no_terminal_and_no_yes(acting: ActingLab):
    before = acting.footprint()
    done = acting.run("switchover")
    assert done.code == 3
    assert "not-confirmed" in done.err
    assert acting.footprint() == before


def test_an_override_without_a_reason_is_a_usage_error(acting: ActingLab):
    done = acting.act("switchover", "--override", "anti-flap")
    assert done.code == 2
    assert "--reason" in done.err


def test_an_override_is_carried_out_and_audited(acting: ActingLab):
    acting.fault("stop-unit", "iam-b", "iam-pump")
    done = acting.act("restart", "iam-pump", "iam-a", "--override", "last-backend", "--reason", "both are old")
    assert done.code == 0, done.err
    last = acting.run("audit", "tail", "--json", "-n", "1").out.strip()
    record = json.loads(last)
    assert record["overrides"] == ["last-backend"]
    assert record["reason"] == "both are old"


def test_a_full_disk_under_the_ledger(acting: ActingLab):
    small = acting.directory / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], check=True)
    try:
        before = acting.footprint()
        done = acting.run("restart", "iam-pump", "iam-b", "--yes", "--json", XDG_STATE_HOME=str(small))
        assert done.code == 3
        assert done.denied == ["audit-unwritable"]
        assert acting.footprint() == before
    finally:
        subprocess.run(["umount", str(small)], check=True)


@pytest.mark.alone
async def test_evidence_that_has_grown_old(acting: ActingLab):
    before = acting.footprint()
    async with operating(acting) as (_, operator):
        acting.fault("sshd-hang", "iam-b")
        order = operator.order(ServiceAction(UnitVerb.RESTART, "iam-pump", "iam-b"))
        await asyncio.sleep(4.5)
        report = await operator.run(order, lambda report: None)
        acting.heal("sshd-hang", "iam-b")
    assert report.outcome is Outcome.REFUSED
    assert {denial.code for denial in report.denials} & {"stale-evidence", "node-unreachable"}
    assert report.exit_code in (ExitCode.REFUSED, ExitCode.UNREACHABLE)
    assert acting.footprint() == before


async def test_a_state_that_changed_since_the_plan_was_shown(acting: ActingLab):
    async with operating(acting) as (_, operator):
        action = ServiceAction(UnitVerb.RESTART, "iam-pump", "iam-b")
        plan, denied = operator.consider(operator.order(action))
        assert denied == ()
        acting.must("iam-b", ["systemctl", "restart", "iam-pump"])
        before = acting.footprint()
        report = await operator.run(operator.order(action, shown=plan.fingerprint), lambda report: None)
    assert [denial.code for denial in report.denials] == ["state-changed"]
    assert report.exit_code is ExitCode.REFUSED
    assert acting.footprint() == before


@pytest.mark.parametrize("node", ["iam-a", "iam-b"])
def test_a_unit_that_the_profile_does_not_have(acting: ActingLab, node: str):
    done = acting.act("restart", "sshd", node)
    assert done.code == 2
    assert "its units: keepalived, nginx" in done.err
