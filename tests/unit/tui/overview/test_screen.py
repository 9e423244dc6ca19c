"""The Overview: moving between its panes and nodes."""

from __future__ import annotations

from tests.support import scenes
from tests.support.screens import console


async def test_j_and_k_move_and_the_foot_tells_the_whole_story() -> None:
    async with console(scenes.troubled()) as seen:
        await seen.press("j", "j")
        assert "iam-apiserver on iam-a: ● OK" in seen.foot
        await seen.press("G", "l")
        assert "mongodb @iam-a from iam-b: ✗ DOWN (timeout)" in seen.foot
        await seen.press("g", "h")
        assert "iam.api.marmotedu.com through nginx of iam-a" in seen.foot


async def test_tab_goes_round_the_panes_and_back() -> None:
    async with console(scenes.healthy()) as seen:
        assert "▸SERVICES" in seen.text
        await seen.press("tab")
        assert "▸REQUESTS" in seen.text
        await seen.press("tab")
        assert "▸EVENTS" in seen.text
        await seen.press("shift+tab", "shift+tab")
        assert "▸SERVICES" in seen.text


async def test_h_and_l_go_to_the_neighbouring_card() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.type(":node iam-a")
        await seen.press("enter", "l")
        assert "▸iam-b" in seen.text
        await seen.press("h")
        assert "▸iam-a" in seen.text


async def test_node_goes_to_its_card_and_its_column() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.type(":node iam-b")
        await seen.press("enter")
        assert "▸iam-b" in seen.text
        await seen.press("tab")
        assert "through nginx of iam-b" in seen.foot


async def test_node_in_a_large_cluster() -> None:
    async with console(scenes.many()) as seen:
        await seen.type(":node iam-33")
        await seen.press("enter")
        assert "▸NODES 50" in seen.text
        assert "iam-33" in seen.foot
        assert sum("iam-33" in line for line in seen.lines) >= 3
