"""Who holds the VIP, as the screen tells it where somebody is not heard, or where nobody saw the beginning."""

from __future__ import annotations

from iamops.model.events import AddressChanged, ClientProbed, HostReported, VrrpReported
from iamops.model.facts import HostReport, VrrpReport, VrrpState
from iamops.model.state import ClusterState
from tests.support import scenes
from tests.support.scenes import NOW, VIP, A, B, FixedCluster, addresses, fed, host, linked, ok
from tests.support.screens import Watched, console


def line(seen: Watched, words: str) -> str:
    return next(each for each in seen.lines if words in each)


async def test_what_a_silent_owner_held_is_drawn_as_what_it_was() -> None:
    """The owner lost its power seven seconds ago, and the other one has taken over."""
    async with console(scenes.owner_off(), (120, 40)) as seen:
        title = line(seen, "10.0.4.20")
        assert title.count("★ VIP") == 1
        assert "◌ was VIP" in title.split("10.0.4.21")[0]
        assert f"◌ was VIP  {VIP}, 7s ago" in line(seen, " kernel      ")
        assert "◌ SILENT 7s" in line(seen, " link ")
        witnesses = seen.lines[1]
        assert "kernel ★ iam-b " in witnesses
        assert "keepalived ◆ iam-b ◌ was iam-a" in witnesses
        seen.cluster.time += 8  # 15 s: what it said last counts no more
        seen.app._tick()
        await seen.until(lambda: "? iam-a not seen" in seen.lines[1])
        assert "agree" not in seen.lines[1]
        assert "● UP" not in line(seen, " link ").split("link")[1], "nobody knows whether it is"


async def test_green_words_are_about_nodes_that_are_heard() -> None:
    """Between four and twelve seconds a node is neither seen nor lost."""
    async with console(scenes.owner_off(), cluster=FixedCluster(scenes.owner_off())) as seen:
        assert "? no findings, but not heard: iam-a" in seen.text
        assert "● no" not in seen.text
        assert "◌ was VIP  ◌ 7s" in line(seen, "10.0.4.20"), "no mark of a card is cut"


async def test_where_nobody_saw_the_beginning_it_has_lasted_at_least_so_long() -> None:
    """The console began three seconds ago; later keepalived tells since when it has been MASTER."""
    state, at = ClusterState.of(scenes.profile()), NOW - 3
    both = [*linked(A, at), *linked(B, at), *host(A, NOW), *host(B, NOW)]
    lists = [*addresses(A, "10.0.4.20", at, vip=True), *addresses(B, "10.0.4.21", at, vip=False)]
    modes = ((A, VrrpState.MASTER), (B, VrrpState.BACKUP))
    silent = [VrrpReported(NOW, node, "VI_1", VrrpReport(mode, "json")) for node, mode in modes]
    state = fed(state, [*both, *lists, *silent, ClientProbed(NOW, "VI_1", ok(1.2, answered_by=A))])
    async with console(state, (120, 40)) as seen:
        assert f"★ VIP      {VIP} for ≥3s" in seen.text
        assert "● agree ≥3s" in seen.lines[1]
        told = VrrpReport(VrrpState.MASTER, "json", last_transition=NOW - 600)
        seen.cluster.store.apply(VrrpReported(NOW, A, "VI_1", told))
        await seen.until(lambda: "● agree 10m" in seen.lines[1])
        assert f"★ VIP      {VIP} for 10m" in seen.text


async def test_a_split_brain_is_told_once_with_its_end_also_where_keepalived_is_no_master() -> None:
    """An address that was left on the other node; the rules find it too, and the event list does not repeat it."""
    cluster = FixedCluster(scenes.healthy())
    async with console(scenes.healthy(), (120, 40), cluster) as seen:
        apply = cluster.store.apply
        cluster.found = (scenes.SPLIT,)
        apply(AddressChanged(NOW, B, VIP, present=True))
        cluster.time += 1.2
        apply(HostReported(cluster.time, A, HostReport()))
        seen.app._tick()
        await seen.until(lambda: "keepalived on iam-b is not" in seen.text)
        assert "SPLIT BRAIN" in seen.lines[0]
        cluster.found = ()
        apply(AddressChanged(NOW + 9, B, VIP, present=False))
        for _ in range(4):
            cluster.time += 3
            for event in (*host(A, cluster.time), *host(B, cluster.time)):
                apply(event)
            seen.app._tick()
        await seen.until(lambda: "split brain ended" in seen.text)
        texts = [each.text for each in cluster.store.state.notices]
        assert not [each for each in texts if "moved" in each or each.startswith(("found: ", "over after"))]
