"""The document iamops.traffic/1: numbers as counted, and null with a reason for what nobody can tell."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from iamops.accesslog.count import FULL, Columns, CountQuery
from iamops.accesslog.format import named_format
from iamops.model.exit_code import ExitCode
from iamops.model.traffic import OTHERS, Backend, Latency, LogTotals, NodeCount, Traffic
from iamops.report.traffic import OTHERS_SHOWN, exit_code, traffic_document
from tests.support.profiles import pair

AT = 1_795_542_360
GONE = NodeCount({}, LogTotals(), "no route")


def traffic(**tables: Any) -> Traffic:
    return Traffic(statuses=Counter(tables.pop("statuses", {"200": 8, "502": 2})), **tables)


def node(*slots: Traffic, **totals: int) -> NodeCount:
    return NodeCount({AT + 60 * n: each for n, each in enumerate(slots)}, LogTotals(**totals))


def document(
    counted: dict[str, NodeCount],
    *,
    form: str = "iamops",
    columns: Columns = FULL,
    since: float | None = AT,
    by: str | None = None,
    top: int = 10,
):
    query = CountQuery(named_format(form), columns)
    return traffic_document(pair(), query, counted, since=since, until=AT + 100, by=by, top=top)


def test_nodes_are_added_up_and_a_rate_is_over_the_span():
    found = document({"iam-a": node(traffic(), unparsed=3), "iam-b": node(traffic(), traffic())})
    assert (found["cluster"]["total"], found["cluster"]["rate_per_s"]) == (30, 0.3)
    assert found["cluster"]["by_class"]["5xx"] == 6
    assert (found["nodes"]["iam-a"]["total"], found["nodes"]["iam-a"]["unparsed"]) == (10, 3)
    assert exit_code(found) is ExitCode.OK
    assert json.loads(json.dumps(found)) == found


def test_without_a_beginning_there_is_no_rate_and_the_reason_is_beside_it():
    cluster = document({"iam-a": node(traffic())}, since=None)["cluster"]
    assert (cluster["rate_per_s"], cluster["rate_per_s_unknown"]) == (None, "a rate needs --since")


def test_the_rest_of_an_unread_cluster_is_no_total():
    found = document({"iam-a": node(traffic()), "iam-b": GONE})
    cluster = found["cluster"]
    assert (cluster["total"], cluster["total_at_least"], cluster["total_unknown"]) == (
        None,
        10,
        "not counted: iam-b",
    )
    assert found["nodes"]["iam-b"] == {"total": None, "total_unknown": "no route"}
    assert exit_code(found) is ExitCode.UNREACHABLE
    assert "total_at_least" not in document({"iam-a": GONE, "iam-b": GONE})["cluster"]


def test_what_the_format_does_not_tell_is_null_with_the_reason():
    found = document({"iam-a": node(traffic())}, form="main")
    assert found["cluster"]["latency_ms"] is None
    assert found["cluster"]["latency_ms_unknown"]
    assert (found["backends"], found["services"]) == (None, None)


def test_what_a_table_did_not_ask_for_is_not_counted():
    cluster = document({"iam-a": node(traffic())}, columns=Columns.NOTHING)["cluster"]
    assert (cluster["bytes"], cluster["bytes_unknown"]) == (None, "not counted for this table")


def test_a_loopback_is_another_service_to_each_nginx():
    def asked(address: str) -> Traffic:
        return traffic(backends={address: Backend(4, 1, Latency())})

    found = document({"iam-a": node(asked("127.0.0.1:8080")), "iam-b": node(asked("127.0.0.1:8080"))})
    assert found["backends"]["127.0.0.1:8080"]["requests"] == 8
    assert sorted(each["requests"] for each in found["services"].values()) == [4, 4]
    assert {json.dumps(each["nodes"]) for each in found["services"].values()} == {
        '{"iam-a": 4, "iam-b": 0}',
        '{"iam-a": 0, "iam-b": 4}',
    }


def test_a_table_ends_with_what_was_cut_off():
    paths = Counter({("/a", "2xx"): 6, ("/b", "5xx"): 3, ("/c", "2xx"): 1, (OTHERS, "2xx"): 2})
    rows = document({"iam-a": node(traffic(paths=paths))}, by="path", top=2)["rows"]
    assert [(row["key"], row["total"], row["errors"]) for row in rows] == [
        ("/a", 6, 0),
        ("/b", 3, 3),
        (OTHERS_SHOWN, 3, 0),
    ]
    assert rows[-1]["nodes"] == {"iam-a": 3}


def test_minutes_stand_in_the_order_of_time():
    rows = document({"iam-a": node(traffic(), traffic(), traffic())}, by="minute", top=2)["rows"]
    assert [row["key"] for row in rows] == ["2026-11-24T17:47:00Z", "2026-11-24T17:48:00Z"]


def test_names_of_clients_are_made_harmless():
    hosts = Counter({("a\x1b[31m", "2xx"): 1, ("a\\x1b[31m", "2xx"): 2})
    rows = document({"iam-a": node(traffic(hosts=hosts))}, by="host")["rows"]
    assert [(row["key"], row["total"]) for row in rows] == [("a\\x1b[31m", 3)]
