"""The document others rely on: iamops.status/1."""

from __future__ import annotations

import json

from iamops.cli.status.table import print_table
from iamops.judge.rules import findings
from iamops.model.events import (
    AddressChanged,
    ClientProbed,
    Event,
    HttpProbed,
    LinkChanged,
    Source,
    SourceLost,
    Target,
    UnitReported,
)
from iamops.model.exit_code import ExitCode
from iamops.model.facts import Link, LinkState, ProbeOutcome, ProbeReport, UnitReport
from iamops.model.state import ClusterState
from iamops.model.timestamps import rfc3339
from iamops.report.status import exit_code, status_document
from tests.support.cluster_states import NOW, VIP, fed, healthy
from tests.support.profiles import pair
from tests.support.silent_nodes import connected


def document(*events: Event, now: float = NOW + 1, state: ClusterState | None = None):
    state = fed(state or healthy(), events)
    return json.loads(json.dumps(status_document(state, findings(state, now), now)))


def test_a_healthy_pair_has_every_promised_field():
    seen = document()
    assert seen["schema"] == "iamops.status/1"
    assert seen["profile"] == "lab"
    assert seen["at"] == "2023-11-14T22:13:21.000Z"
    assert seen["vip"] == {
        "address": VIP,
        "owners": ["iam-a"],
        "since": "2023-11-14T21:13:20.000Z",
        "client": {"ok": True, "node": "iam-a", "latency_ms": 1.2},
    }
    node = seen["nodes"]["iam-a"]
    assert node["link"] == "up"
    assert node["age_s"] == 1.0
    assert node["keepalived"]["active"] is True
    assert node["keepalived"]["state"] == "MASTER"
    assert node["keepalived"]["priority"] == node["keepalived"]["effective_priority"] == 100
    assert node["keepalived"]["last_transition"] == "2023-11-14T21:13:20.000Z"
    assert node["nginx"]["active"] is True
    http = node["nginx"]["http"]["iam.api.marmotedu.com"]
    assert http == {"ok": True, "status": 200, "latency_ms": 1.2}
    service = node["services"]["iam-apiserver"]
    assert (service["active"], service["healthy"], service["latency_ms"]) == (True, True, 1.2)
    assert service["from_peers"] == {"iam-b": True}
    assert node["needed_ports"] == {"8081": {"ok": True, "latency_ms": 1.2}}
    assert node["requests"]["total"] == 1100
    assert node["requests"]["by_status"] == {"2xx": 1088, "5xx": 12}
    assert node["host"]["disk_used_pct"] == 40.0
    assert seen["datastores"]["mariadb"] == {"from": {"iam-a": "ok", "iam-b": "ok"}}
    assert seen["findings"] == []


def test_nothing_observed_is_null_with_a_reason_never_false_or_zero():
    seen = document(state=ClusterState.of(pair()))
    assert seen["vip"]["owners"] is None
    assert seen["vip"]["owners_unknown"] == "not seen: iam-a, iam-b"
    node = seen["nodes"]["iam-a"]
    for part, key in (("keepalived", "active"), ("keepalived", "state"), ("requests", "total")):
        assert node[part][key] is None
        assert node[part][f"{key}_unknown"]
    assert node["services"]["iam-pump"]["healthy"] is None
    assert node["services"]["iam-pump"]["healthy_unknown"]
    assert node["needed_ports"]["8081"] == {
        "ok": None,
        "ok_unknown": "iam-a was not heard yet",
        "latency_ms": None,
    }
    assert seen["datastores"]["redis"]["from"] == {"iam-a": None, "iam-b": None}
    assert exit_code(seen) == ExitCode.UNREACHABLE


def test_both_owners_of_a_split_brain_are_listed():
    seen = document(
        AddressChanged(NOW + 1, "iam-b", VIP, present=True),
        UnitReported(NOW + 2, "iam-a", "nginx", UnitReport("active")),
        now=NOW + 3,
    )
    assert seen["vip"]["owners"] == ["iam-a", "iam-b"]
    assert "split-brain" in [f["code"] for f in seen["findings"]]


def test_a_silent_node_loses_its_values_and_keeps_the_reason():
    down = Link(LinkState.DOWN, NOW + 5, "hung", "nothing heard for 5 s", "look")
    seen = document(LinkChanged(NOW + 5, "iam-b", down), now=NOW + 30)
    node = seen["nodes"]["iam-b"]
    assert node["link"] == "down"
    assert node["freshness"] == "unknown"
    assert node["keepalived"]["active"] is None
    assert node["keepalived"]["active_unknown"] == "nothing heard for 5 s"
    assert seen["datastores"]["mariadb"]["from"]["iam-b"] is None
    assert exit_code(seen) == ExitCode.OK


def test_a_client_in_the_dark_is_not_ok_and_says_how():
    dark = ClientProbed(NOW, "VI_1", ProbeReport(ProbeOutcome.REFUSED, detail="port 80 refused"))
    client = document(dark)["vip"]["client"]
    assert client["ok"] is False
    assert client["error"] == "refused: port 80 refused"


def test_a_stopped_daemon_has_no_state():
    stopped = [
        SourceLost(NOW, "iam-b", Source.VRRP, "keepalived is inactive"),
        UnitReported(NOW, "iam-b", "keepalived", UnitReport("inactive", "dead")),
    ]
    keepalived = document(*stopped)["nodes"]["iam-b"]["keepalived"]
    assert keepalived["active"] is False
    assert keepalived["state"] is None
    assert keepalived["state_unknown"] == "keepalived is inactive"


def test_hostile_details_stay_inert_in_json():
    hostile = ProbeReport(ProbeOutcome.BAD_ANSWER, status=500, detail="says [red]\\x1b[31m")
    probed = HttpProbed(NOW, "iam-a", "iam-a", Target.SERVICE, "iam-pump", hostile)
    assert "\x1b" not in json.dumps(document(probed))


def test_times_are_rfc3339_utc():
    assert rfc3339(0.5) == "1970-01-01T00:00:00.500Z"


NOLOGIN = "the login shell of iam-b printed 'This account is currently not available.' and ran nothing (exit 1)"
UP = Link(LinkState.UP, NOW)


def test_status_tells_it_and_does_not_end_with_0(capsys):
    seen = connected(NOLOGIN)
    document = status_document(seen, findings(seen, NOW + 3, final=True), NOW + 3)
    assert exit_code(document) == ExitCode.UNREACHABLE
    print_table(document)
    assert "up, silent" in capsys.readouterr().out
    well = status_document(healthy(), findings(healthy(), NOW + 2, final=True), NOW + 2)
    assert exit_code(well) == ExitCode.OK
