"""The Audit view: the ledger on the screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from iamops.ledger.audit import Audit, read
from iamops.ledger.verify import Break, ChainVerdict, runs_of
from iamops.tui.audit import AuditList, run_story
from tests.support import scenes
from tests.support.operators import audited
from tests.support.screens import console


async def test_runs_newest_first_with_the_story_of_the_one_under_the_cursor() -> None:
    async with console(scenes.healthy(), operator=audited()) as seen:
        await seen.press("7")
        await seen.pilot.pause(0.2)
        assert "3 records, chain intact" in seen.text
        assert seen.text.index("restart nginx on iam-b") < seen.text.index("switchover")
        assert "no outcome was recorded" in seen.text
        await seen.press("j")
        assert "iamops --profile lab switchover" in seen.text
        assert "stop keepalived on iam-a" in seen.text
        assert "VIP owners" in seen.text
        await seen.press("q")
        assert "SERVICES" in seen.text


async def test_what_somebody_wrote_as_a_reason_is_shown_harmless() -> None:
    async with console(scenes.healthy(), operator=audited()) as seen:
        await seen.press("7")
        await seen.pilot.pause(0.2)
        assert "new [bold]cert" in seen.text
        assert "\x1b" not in seen.text


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_broken_chain_is_said_with_its_record(size: tuple[int, int]) -> None:
    tampered = audited()
    tampered.verdict = ChainVerdict(
        1, Break(2, 2, "when it was written: records 2 to 4 are missing, and its hash differs")
    )
    async with console(scenes.healthy(), size=size, operator=tampered) as seen:
        await seen.press("7")
        await seen.pilot.pause(0.2)
        assert "BROKEN at record 2" in seen.text


def test_a_break_in_the_ledger_is_no_run_without_an_outcome(tmp_path: Path) -> None:
    ledger = tmp_path / "audit.jsonl"
    Audit(ledger).append("outcome", {"run": "a", "outcome": "succeeded"})
    Audit(ledger).append("outcome", {"run": "b", "outcome": "succeeded"})
    ledger.write_bytes(ledger.read_bytes().splitlines(keepends=True)[0])
    Audit(ledger).append("outcome", {"run": "c", "outcome": "succeeded"})
    (broken,) = [run for run in runs_of(list(read(ledger))) if run.breaks]
    row = "".join(span.text for span in AuditList("list").row(broken, 100).line)
    story = "\n".join("".join(span.text for span in line) for line in run_story(broken, 100))
    assert "✗ broken" in row
    assert "record 2 is missing" in row
    assert "the chain is broken before record 2" in story
    assert "no outcome" not in row + story


async def test_the_filter_finds_a_run_and_escape_goes_back() -> None:
    async with console(scenes.healthy(), operator=audited()) as seen:
        await seen.press("7")
        await seen.pilot.pause(0.2)
        await seen.type("/nginx")
        await seen.press("enter")
        assert "ada@desk" in seen.text
        assert "succeeded" not in seen.text
        await seen.press("escape", "escape", "escape")
        assert "SERVICES" in seen.text


async def test_an_empty_ledger_is_no_error() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.press("7")
        await seen.pilot.pause(0.2)
        assert "no records yet" in seen.text
        assert "0 records, chain intact" in seen.text


async def test_the_views_own_keys_do_not_stack_it_twice() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.press("7", "7")
        assert "this is the Audit" in seen.foot
        await seen.press("1")
        assert "SERVICES" in seen.text
