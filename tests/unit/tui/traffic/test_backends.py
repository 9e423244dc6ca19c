"""The table of backends: their names, and a row for each machine."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from iamops.accesslog.format import LogField
from iamops.model.traffic import Backend, Latency, Traffic
from iamops.tui.toolkit.text import text_of
from iamops.tui.traffic.backends import BackendTable, backend_rows
from iamops.tui.traffic.snapshot import NodeTraffic
from tests.support.traffic_parts import drawn
from tests.support.traffic_view import snapshot, state


def test_a_backend_is_named_as_the_profile_calls_it_and_partial_formats_are_told():
    traffic = Traffic(backends={"10.0.4.20:8080": Backend(8, 1, Latency(Counter({12: 8}))), "-x": Backend(1)})
    found = drawn(BackendTable, snapshot(traffic), 46)
    assert found.rows[1].cells[0].detail == (
        "iam-a apiserver · 8 requests, 89% · 1 failed · p99 12 ms · 10.0.4.20:8080 to nginx on node-0"
    )
    partial = snapshot(traffic)
    form = replace(partial.form, fields={LogField.STATUS: "status", LogField.UPSTREAM: "upstream_addr"})
    told = drawn(BackendTable, replace(partial, form=form), 46)
    assert text_of(told.rows[1].line).split()[-2:] == ["?", "?"]
    assert "no backend's status" in told.rows[1].cells[0].detail


def test_each_machine_has_a_row_of_its_own_however_its_nginx_calls_it():
    """127.0.0.1 is another machine to each nginx."""
    own, peer = Backend(6, 1), Backend(3)
    by_a = Traffic(backends={"127.0.0.1:8080": own, "10.0.4.21:8080": peer, "127.0.0.1:9999": Backend(1)})
    by_b = Traffic(backends={"127.0.0.1:8080": Backend(5), "10.0.4.20:8080": Backend(2, 2)})
    nodes = (NodeTraffic("iam-a", by_a), NodeTraffic("iam-b", by_b))
    rows = backend_rows(replace(snapshot(by_a), nodes=nodes), state().profile)
    assert {row.name: (row.backend.requests, row.backend.errors) for row in rows} == {
        "iam-a apiserver": (8, 3),
        "iam-b apiserver": (8, 0),
        "iam-a 127.0.0.1:9999": (1, 0),
    }
    assert dict(rows[1].was_asked) == {("iam-a", "127.0.0.1:8080"): 6, ("iam-b", "10.0.4.20:8080"): 2}
