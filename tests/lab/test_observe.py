"""What the console sees on the real pair: healthy, broken in every way the lab can break it, healed."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from iamops.model.facts import LinkState, ProbeOutcome, VrrpState
from iamops.model.observed import Freshness, Known
from iamops.model.profile import DatastoreKind
from iamops.nodes.keepalived import _ASK
from iamops.nodes.probes.http import Endpoint, probe_datastore
from iamops.nodes.ssh.connector import SshConnector
from iamops.render import privileges
from iamops.session.profiles import load_profile
from tests.lab.watching import Watching, watching

VIP = "10.0.4.99"


def vrrp(seen: Watching, node: str) -> VrrpState | None:
    report = seen.state.nodes[node].vrrp["VI_1"]
    return report.value.state if isinstance(report, Known) else None


def fresh(seen: Watching, node: str) -> Freshness:
    return seen.state.nodes[node].freshness(seen.cluster.now())


async def test_a_healthy_pair_is_seen_whole_and_without_findings(lab):
    async with watching() as seen:
        await seen.until(lambda: seen.codes() == [], 10)
        (owner,) = seen.owners()
        standby = "iam-b" if owner == "iam-a" else "iam-a"
        assert vrrp(seen, owner) is VrrpState.MASTER
        assert vrrp(seen, standby) is VrrpState.BACKUP
        report = seen.state.nodes[owner].vrrp["VI_1"].value
        assert report.source == "json"
        assert report.effective_priority == {"iam-a": 100, "iam-b": 50}[owner]
        assert seen.state.client["VI_1"].value.answered_by == owner


async def test_stopping_keepalived_moves_the_vip_on_screen_and_starting_it_moves_nothing(lab):
    async with watching() as seen:
        (owner,) = seen.owners()
        standby = "iam-b" if owner == "iam-a" else "iam-a"
        lab.exec(owner, ["systemctl", "stop", "keepalived"])
        try:
            await seen.until(lambda: seen.owners() == [standby], 5)
            await seen.until(lambda: vrrp(seen, owner) is None, 5)
            assert "keepalived is" in seen.state.nodes[owner].vrrp["VI_1"].reason
        finally:
            lab.exec(owner, ["systemctl", "start", "keepalived"])
        await seen.until(lambda: vrrp(seen, owner) is VrrpState.BACKUP, 15)
        assert seen.owners() == [standby]


async def test_a_node_without_power_turns_stale_then_unknown_and_heals_by_itself(lab):
    async with watching() as seen:
        lab.fault("power-off", "iam-b")
        try:
            assert await seen.until(lambda: fresh(seen, "iam-b") is Freshness.STALE, 15) < 15
            await seen.until(lambda: fresh(seen, "iam-b") is Freshness.UNKNOWN, 15)
            assert fresh(seen, "iam-a") is Freshness.LIVE
            assert seen.owners() == ["iam-a"]
            assert "split-brain" not in seen.codes()
        finally:
            lab.heal("power-off", "iam-b")
        await seen.until(lambda: fresh(seen, "iam-b") is Freshness.LIVE, 30)
        await seen.until(lambda: vrrp(seen, "iam-b") is VrrpState.BACKUP, 20)


async def test_a_frozen_sshd_makes_the_node_unknown_and_nothing_down(lab):
    async with watching() as seen:
        lab.fault("sshd-hang", "iam-b")
        try:
            await seen.until(lambda: fresh(seen, "iam-b") is Freshness.UNKNOWN, 15)
            assert seen.state.nodes["iam-b"].link.state is LinkState.DOWN
            assert {"unit-down", "service-unhealthy", "nginx-hung"}.isdisjoint(seen.codes())
            assert seen.state.client["VI_1"].value.ok
        finally:
            lab.heal("sshd-hang", "iam-b")
        await seen.until(lambda: fresh(seen, "iam-b") is Freshness.LIVE, 20)


async def test_split_brain_shows_both_owners_and_heals(lab):
    async with watching() as seen:
        lab.fault("vrrp-drop")
        try:
            await seen.until(lambda: sorted(seen.owners()) == ["iam-a", "iam-b"], 15)
            await seen.until(lambda: "split-brain" in seen.codes(), 5)
            status = lab.iamops("--profile", "lab", "status", "--json")
            assert sorted(status["vip"]["owners"]) == ["iam-a", "iam-b"]
            assert "split-brain" in [finding["code"] for finding in status["findings"]]
        finally:
            lab.heal("vrrp-drop")
        await seen.until(lambda: len(seen.owners()) == 1, 15)


async def test_master_without_the_address_is_shown_as_such(lab):
    """A keepalived that may not set addresses says MASTER all the same."""
    drop_in = "/run/systemd/system/keepalived.service.d/no-net-admin.conf"
    weaken = f'mkdir -p "${{1%/*}}"; printf "[Service]\nCapabilityBoundingSet=~CAP_NET_ADMIN\n" > {drop_in}'
    restart = "systemctl daemon-reload; systemctl restart keepalived"
    async with watching() as seen:
        (owner,) = seen.owners()
        standby = "iam-b" if owner == "iam-a" else "iam-a"
        lab.must(standby, ["sh", "-c", f"{weaken}; {restart}", "weaken", drop_in])
        await seen.until(lambda: vrrp(seen, standby) is VrrpState.BACKUP, 20)
        try:
            lab.must(owner, ["systemctl", "stop", "keepalived"])
            await seen.until(lambda: "master-without-address" in seen.codes(), 15)
            assert vrrp(seen, standby) is VrrpState.MASTER
            assert seen.owners() == []
        finally:
            lab.must(standby, ["sh", "-c", f"rm -f {drop_in}; {restart}"])
            lab.must(owner, ["systemctl", "start", "keepalived"])
        await seen.until(lambda: seen.codes() == [], 30)


async def test_an_address_without_a_daemon_is_shown_as_such(lab):
    """What a killed keepalived may leave behind, or a person put there by hand."""
    async with watching() as seen:
        (owner,) = seen.owners()
        standby = "iam-b" if owner == "iam-a" else "iam-a"
        for node in (standby, owner):
            lab.must(node, ["systemctl", "stop", "keepalived"])
        lab.must(owner, ["ip", "addr", "add", f"{VIP}/32", "dev", "eth0"])
        try:
            await seen.until(lambda: "address-without-master" in seen.codes(), 10)
            assert seen.owners() == [owner]
        finally:
            lab.must(owner, ["systemctl", "start", "keepalived"])
            lab.must(standby, ["systemctl", "start", "keepalived"])
        await seen.until(lambda: seen.codes() == [], 30)


async def test_a_frozen_nginx_accepts_and_does_not_answer(lab):
    async with watching() as seen:
        lab.fault("nginx-hang", "iam-b")
        try:
            await seen.until(lambda: "nginx-hung" in seen.codes(), 15)
        finally:
            lab.heal("nginx-hang", "iam-b")
        await seen.until(lambda: seen.codes() == [], 30)


async def test_a_revoked_grant_is_told_from_a_dead_database(lab):
    async with watching() as seen:
        lab.fault("db-grant-revoked")
        try:
            await seen.until(lambda: "datastore-host-not-allowed" in seen.codes(), 15)
            assert seen.state.datastores["mariadb"]["iam-a"].value.ok
        finally:
            lab.heal("db-grant-revoked")
        await seen.until(lambda: seen.codes() == [], 15)


async def test_health_checks_never_make_mariadb_block_the_host(lab):
    """max_connect_errors is 100: more probes than that, and the node is still let in."""
    profile = load_profile("lab")
    transport = await SshConnector(profile, profile.nodes["iam-b"]).connect()
    try:
        door = Endpoint(profile.nodes["iam-a"].address, 3306)
        reports = [
            await probe_datastore(transport, door, DatastoreKind.MARIADB, time.monotonic) for _ in range(120)
        ]
    finally:
        await transport.close()
    assert all(report is not None and report.ok for report in reports)


async def test_requests_are_counted_exactly_and_who_says_he_is_a_probe_with_them(lab):
    async with watching() as seen:
        (owner,) = seen.owners()
        before = seen.state.nodes[owner].requests.value
        others = before.total - before.probes
        lab.requests(25)

        def counted() -> bool:
            now = seen.state.nodes[owner].requests.value
            return now.total - now.probes >= others + 25

        await seen.until(counted, 5)
        started = time.monotonic()
        await seen.until(lambda: time.monotonic() - started > 2.5, 5)
        now = seen.state.nodes[owner].requests.value
        assert now.total - now.probes == others + 25
        assert now.probes > before.probes


async def test_a_stopped_service_is_seen_from_both_sides(lab):
    async with watching() as seen:
        lab.exec("iam-b", ["systemctl", "stop", "iam-pump"])
        try:

            def refused_from_both() -> bool:
                node = seen.state.nodes["iam-b"]
                views = (node.services["iam-pump"], node.from_peers["iam-pump"]["iam-a"])
                return all(isinstance(v, Known) and v.value.outcome is ProbeOutcome.REFUSED for v in views)

            await seen.until(refused_from_both, 12)
            assert "unit-down" in seen.codes()
        finally:
            lab.exec("iam-b", ["systemctl", "start", "iam-pump"])
        await seen.until(lambda: seen.codes() == [], 15)


ASKING_S = 25
RESTARTS = f"""
until=$(($(date +%s) + {ASKING_S}))
while [ $(date +%s) -lt $until ]; do
  systemctl reset-failed keepalived
  systemctl restart keepalived || echo died
  systemctl stop keepalived; systemctl start keepalived || echo died
  n=$((n + 1))
done
echo $n
"""


def test_asking_never_ends_a_keepalived_that_is_being_started(lab):
    """The signal that asks for a dump ends a process that does not take it yet, and so would end its start."""
    ask = (
        "sh", "-c", _ASK, "ask", privileges.JSON_DUMP, "1000000", "40", *privileges.ask_json_dump(lab.profile)
    )  # fmt: skip
    again = 'until=$(($(date +%s) + $1)); shift; while [ $(date +%s) -lt $until ]; do "$@" >&2; done; :'
    asking = ("runuser", "-u", "iamops", "--", "sh", "-c", again, "-", str(ASKING_S), *ask)
    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(lab.exec, "iam-b", asking, timeout_s=60) for _ in range(3)]
        done = lab.exec("iam-b", ["sh", "-c", f"n=0; {RESTARTS}"], timeout_s=60).stdout.decode().split()
        assert [each.result().returncode for each in asked] == [0, 0, 0]
    assert "died" not in done
    assert int(done[-1]) >= 10
