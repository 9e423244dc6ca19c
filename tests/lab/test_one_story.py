"""The running console on the real pair, beside `status` and `triage`: one story everywhere, also of last night."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from iamops.judge.findings import Finding, flat
from iamops.judge.triage.events import tally
from iamops.lab.processes import wait_until
from iamops.session.cluster import Cluster
from iamops.session.operator import Operator
from iamops.tui.app.app import ConsoleApp
from tests.lab.acting import ActingLab, profile_of
from tests.lab.triage_cases import triage
from tests.support.screens import Watched

MOVED = (
    "moved iam-a -> iam-b after iam-a: keepalived stopped",
    "moved iam-b -> iam-a after iam-b: keepalived stopped",
)


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


async def test_overview_triage_and_the_command_line_tell_one_story_and_why_the_vip_moved(
    triage_lab: ActingLab, tmp_path: Path
) -> None:
    _move_and_back(triage_lab)
    triage_lab.fault("nginx-config-broken", "iam-b")
    triage_lab.must("iam-b", ["systemctl", "stop", "iam-pump"])
    cluster = Cluster(profile_of(triage_lab.profile_file), for_console=True)
    operator = Operator(cluster, profile_name="lab", ledger=tmp_path / "audit.jsonl")
    app = ConsoleApp(cluster, lambda: operator)
    async with app.run_test(size=(120, 40)) as pilot:
        seen = _Seen(app, pilot)
        # Nobody was there when it happened: journals tell it.
        for move in MOVED:
            await seen.until(lambda move=move: any(move in each.text for each in cluster.store.state.notices), 30)
        await seen.until(lambda: "iam-pump is inactive on iam-b" in seen.text, 20)
        await seen.press("6")
        await seen.until(lambda: "looked" in seen.lines[1] and "nginx-config-invalid" in seen.text, 30)
        counted = str(tally(app.view.view_state.findings))
        assert f"TRIAGE {counted} " in seen.text
        assert f"ALERTS {tally(app.view.view_state.findings).loud}" in seen.lines[0]
        console = app.view.view_state.findings
        await seen.press("1")
        await seen.until(lambda: f"FINDINGS {counted} " in seen.text)
        await seen.until(lambda: console[0].next.split(" (")[0][:40] in seen.text)
    document = triage(triage_lab)
    assert _codes(document["findings"]) == {(each.code, each.node) for each in flat(console)}
    assert document["findings"][0]["next"] == console[0].next
    status = json.loads(triage_lab.run("status", "--json").out)["findings"]
    assert {(each["code"], each["node"]) for each in status} <= {(each.code, each.node) for each in flat(console)}
    assert _step_of(console, "unit-down") == next(each["next"] for each in status if each["code"] == "unit-down")


def _move_and_back(lab: ActingLab) -> None:
    """Who comes back takes nothing over by itself."""
    for owner, other in (("iam-a", "iam-b"), ("iam-b", "iam-a")):
        lab.must(owner, ["systemctl", "stop", "keepalived"])
        assert wait_until(lambda other=other: lab.status().owners == (other,), wait_s=15)
        lab.must(owner, ["systemctl", "start", "keepalived"])


def _codes(findings: list[dict[str, Any]]) -> set[tuple[str, str | None]]:
    own = {(each["code"], each["node"]) for each in findings}
    return own.union(*(_codes(each["explains"]) for each in findings))


def _step_of(findings: tuple[Finding, ...], code: str) -> str:
    return next(each.next for each in flat(findings) if each.code == code)


class _Seen(Watched):
    """A console on a real cluster."""

    def __init__(self, app: ConsoleApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot
