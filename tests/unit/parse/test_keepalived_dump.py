"""keepalived's dumps, captured from 2.2.7 on the lab (the password in them is not the lab's)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from iamops.model.facts import VrrpState
from iamops.parse.keepalived.dump import DumpUnreadable, data_dump, json_dump

CAPTURES = Path(__file__).parents[2] / "fixtures" / "keepalived"
MASTER_JSON = (CAPTURES / "2.2.7-master.json").read_text()


def test_the_json_dump_of_a_master():
    report = json_dump(MASTER_JSON)["VI_1"]
    assert report.state is VrrpState.MASTER
    assert (report.priority, report.effective_priority) == (100, 100)
    assert report.last_transition == 1795442297.096410
    assert report.source == "json"


def test_the_password_in_the_dump_is_never_taken_over():
    assert "sesame12" in MASTER_JSON
    assert "sesame12" not in repr(json_dump(MASTER_JSON))


def test_the_object_form_of_json_version_2_reads_the_same():
    assert json_dump(json.dumps({"vrrp": json.loads(MASTER_JSON)})) == json_dump(MASTER_JSON)


@pytest.mark.parametrize("cut", [0, 1, 100, -2])
def test_a_half_written_dump_is_unreadable_not_wrong(cut):
    with pytest.raises(DumpUnreadable):
        json_dump(MASTER_JSON[:cut])


@pytest.mark.parametrize("text", ["{}", "7", '{"vrrp": 3}', "null"])
def test_json_that_is_no_dump_is_unreadable(text):
    with pytest.raises(DumpUnreadable):
        json_dump(text)


@pytest.mark.parametrize(
    "entry", [{}, {"data": 3}, {"data": {"iname": "x", "state": 9}}, {"data": {"state": 1}}, 5]
)
def test_an_entry_that_makes_no_sense_is_left_out(entry):
    assert json_dump(json.dumps([entry])) == {}


@pytest.mark.parametrize(
    ("name", "state", "priority"), [("master", VrrpState.MASTER, 100), ("backup", VrrpState.BACKUP, 50)]
)
def test_the_data_dump_tells_the_same(name, state, priority):
    report = data_dump((CAPTURES / f"2.2.7-{name}.data").read_text())["VI_1"]
    assert report.state is state
    assert (report.priority, report.effective_priority) == (priority, priority)
    assert report.last_transition is not None
    assert report.source == "data"


def test_text_that_is_no_data_dump_has_no_instances():
    assert data_dump("") == {}
    assert data_dump("State = MASTER\n VRRP Instance = \n") == {}
