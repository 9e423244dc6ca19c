"""The Config view: how every file stands, what a push would change, and the push from there."""

from __future__ import annotations

from iamops.judge.config import ConfigComparison
from iamops.plan.action import ConfigPush
from tests.support import scenes
from tests.support.operators import FixedOperator, drifted, renamed
from tests.support.scenes import FixedCluster
from tests.support.screens import console


async def test_what_differs_comes_first_with_what_a_push_would_mean() -> None:
    async with console(scenes.healthy(), size=(120, 40), operator=drifted()) as seen:
        await seen.press("5")
        await seen.pilot.pause(0.3)
        assert "2 files differ" in seen.text
        assert seen.text.index("keepalived.conf") < seen.text.index("check_nginx.sh")
        assert "a push: check check_nginx_VI_1: fall changes from 1 to 2 on iam-b" in seen.text
        assert "K008 line" in seen.text
        assert "in the profile" in seen.text


async def test_a_profile_of_another_name_finds_the_same_files_in_order() -> None:
    """`profile init mine --from lab`: its name stands in the files' first lines, and that is no difference."""
    async with console(scenes.healthy(), size=(120, 40), operator=renamed()) as seen:
        await seen.press("5")
        await seen.until(lambda: "● in sync" in seen.text)
        assert "differ" not in seen.text
        assert "drift" not in seen.text
        assert "L002" not in seen.text
        await seen.press("P")
        await seen.until(lambda: "nothing to do" in seen.text)


async def test_a_line_written_by_hand_is_shown_harmless_beside_the_profile_s() -> None:
    async with console(scenes.healthy(), size=(120, 40), operator=drifted()) as seen:
        await seen.press("5")
        await seen.pilot.pause(0.3)
        await seen.press("j", "space")
        assert "keepalive_timeout   5;   # [b]mine" in seen.text
        assert "keepalive_timeout   65;" in seen.text
        assert "\x1b" not in seen.text


async def test_at_eighty_columns_the_difference_is_a_unified_one() -> None:
    async with console(scenes.healthy(), operator=drifted()) as seen:
        await seen.press("5")
        await seen.pilot.pause(0.3)
        await seen.press("space")
        await seen.pilot.pause(0.2)
        assert "-    fall 1" in seen.text
        await seen.press("b")
        await seen.pilot.pause(0.2)
        assert "+++ rendered:/etc/keepalived/keepalived.conf" in seen.text


async def test_push_asks_with_the_cluster_s_name_and_runs_what_was_read() -> None:
    operator = drifted()
    async with console(scenes.healthy(), size=(120, 40), operator=operator) as seen:
        await seen.press("5")
        await seen.pilot.pause(0.3)
        await seen.press("P")
        await seen.pilot.pause(0.5)
        assert "config push" in seen.text
        assert "iamops-config stage" in seen.text
        seen.pilot.app.screen.query_one("#typed").focus()
        await seen.press(*"lab", "enter")
        await seen.pilot.pause(0.3)
        assert [type(order.action) for order in operator.runs] == [ConfigPush]
        operator.go_on.set()


async def test_read_only_it_cannot_be_pushed_and_says_why() -> None:
    operator = drifted()
    operator.disarm()
    async with console(scenes.healthy(), operator=operator) as seen:
        await seen.press("5")
        await seen.pilot.pause(0.3)
        await seen.press("P")
        assert "read-only" in seen.foot
        assert operator.runs == []


async def test_a_node_that_cannot_be_read_is_told_and_hides_nothing() -> None:
    operator = FixedOperator(FixedCluster(scenes.healthy()))
    operator.sight = ConfigComparison(drifted().sight.files, {"iam-a": "iam-a: iam-a is not connected"})
    async with console(scenes.healthy(), operator=operator) as seen:
        await seen.press("5")
        await seen.pilot.pause(0.3)
        assert "not all could be read" in seen.text
        assert "? iam-a: iam-a is not connected" in seen.text
        assert "drift" in seen.text


async def test_the_filter_finds_a_file() -> None:
    async with console(scenes.healthy(), operator=drifted()) as seen:
        await seen.press("5")
        await seen.pilot.pause(0.3)
        await seen.type("/sudoers")
        await seen.press("enter")
        assert "/etc/sudoers.d/iamops" in seen.text
        assert "check_nginx.sh" not in seen.text
