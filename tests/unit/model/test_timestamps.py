"""A time that no calendar knows is none, wherever a node tells one: nobody can show it."""

from __future__ import annotations

import json

from iamops.model.events import HostReported
from iamops.model.facts import HostReport
from iamops.model.observed import Unknown
from iamops.model.state import on_our_clock
from iamops.model.timestamps import LAST_MOMENT_S, calendar_time
from iamops.nodes.logs.tail import placed
from iamops.parse.config_files import push_records
from iamops.parse.host import epoch_s
from iamops.parse.journal import journal_record
from iamops.parse.keepalived.dump import data_dump, json_dump
from tests.support.cluster_states import NOW, fed, healthy


def test_moments_are_those_that_can_be_shown():
    assert [calendar_time(at) for at in (0.0, NOW, LAST_MOMENT_S)] == [0.0, NOW, LAST_MOMENT_S]
    assert [calendar_time(at) for at in (-1.0, LAST_MOMENT_S + 1, 1e18, float("nan"), None)] == [None] * 5


def test_no_reader_takes_a_time_beyond_the_calendar():
    for seconds in ("1000000000000000000", "999999999999"):
        told = f'[{{"data":{{"iname":"VI_1","state":2,"last_transition":{seconds}}}}}]'
        assert json_dump(told)["VI_1"].last_transition is None
        assert epoch_s(f"{seconds}.5") is None
        assert push_records(f"p1\tconfirmed {seconds}\t{{}}\n")[0].at is None
    data = " VRRP Instance = VI_1\n   State = MASTER\n   Last transition = 1000000000000000000 (x)\n"
    assert [report.last_transition for report in data_dump(data).values()] == [None]
    stamp = {"_SYSTEMD_UNIT": "a.service", "MESSAGE": "x", "__REALTIME_TIMESTAMP": "9" * 19}
    record = journal_record(json.dumps(stamp).encode())
    assert record is not None
    assert record.at == 0.0


def test_a_clock_that_is_centuries_off_dates_nothing_of_ours():
    late = HostReported(NOW, "iam-a", HostReport(0.1, 20.0, 30.0, LAST_MOMENT_S * 1000, 1.0))
    assert isinstance(on_our_clock(fed(healthy(), [late]).nodes["iam-a"], NOW), Unknown)
    assert placed(NOW - 5, NOW, LAST_MOMENT_S, history=True) == NOW, "a log line is put where it came"
    assert placed(LAST_MOMENT_S + 1e6, NOW, history=True) == NOW
