"""keepalived's dumps, captured from 2.2.7 on the lab (the password in them is not the lab's)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from iamops.model.running import LiveCheck, LiveVrrp
from iamops.parse.keepalived.conf import keepalived_conf
from iamops.parse.keepalived.dump import DumpUnreadable, data_dump, json_dump, live_config, live_on_disk
from iamops.render.nodefiles import render_node
from tests.support.profiles import unicast_pair

CAPTURES = Path(__file__).parents[3] / "fixtures" / "keepalived"
MASTER_JSON = (CAPTURES / "2.2.7-master.json").read_text()


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


def test_text_that_is_no_data_dump_has_no_instances():
    assert data_dump("") == {}
    assert data_dump("State = MASTER\n VRRP Instance = \n") == {}


CONF = "/etc/keepalived/keepalived.conf"
PROFILE = unicast_pair()
OWN = """
vrrp_script chk { script "/bin/true"
 interval 20
 fall 3 }
vrrp_instance VI_1 {
 state BACKUP
 interface eth0
 virtual_router_id 51
 priority 100
 preempt_delay 30
 track_script { chk weight -10 }
}
"""


def test_the_password_is_not_taken():
    text = (CAPTURES / "2.2.7-backup.data").read_text()
    assert "sesame" in text
    assert "sesame" not in repr(live_config(text))


def test_preemption_and_missing_scripts_are_seen():
    text = (CAPTURES / "2.2.7-master.data").read_text()
    text = text.replace("Preempt = disabled", "Preempt = enabled").replace(
        " Script = check_nginx", " Nothing = check_nginx"
    )
    live = live_config(text)["VI_1"]
    assert not live.nopreempt
    assert live.checks is None
    assert live_config(text.replace("Tracked scripts :", "Nothing :"))["VI_1"].checks == ()


def test_a_list_of_scripts_that_is_counted_is_a_list_of_scripts():
    """keepalived 2.0 and older write the number of tracked scripts where later ones write a colon."""
    text = (CAPTURES / "2.2.7-master.data").read_text()
    assert live_config(text.replace("Tracked scripts :", "Tracked scripts = 1")) == live_config(text)


def test_a_tracked_file_is_no_tracked_script():
    text = (CAPTURES / "2.2.7-master.data").read_text()
    files = "     check_nginx_VI_1 weight 0\n   Tracked files :\n     raise_VI_1, weight 1\n"
    assert live_config(text.replace("     check_nginx_VI_1 weight 0\n", files)) == live_config(text)


@pytest.mark.parametrize("listed", ["Tracked scripts :", "Tracked scripts = 1"])
@pytest.mark.parametrize("weight", [-60, 0, 20])
def test_the_weight_that_the_instance_gives_a_check_is_told(listed: str, weight: int):
    text = (CAPTURES / "2.2.7-master.data").read_text().replace("Tracked scripts :", listed)
    told = text.replace("check_nginx_VI_1 weight 0", f"check_nginx_VI_1 weight {weight}")
    (check,) = live_config(told)["VI_1"].checks or ()
    assert check == LiveCheck("check_nginx_VI_1", 5.0, 3.0, 1, 2, weight)


def test_another_weight_is_a_change():
    text = (CAPTURES / "2.2.7-master.data").read_text()
    before, after = (
        live_config(each)["VI_1"] for each in (text, text.replace("_VI_1 weight 0", "_VI_1 weight -60"))
    )
    (change,) = before.changes(after)
    assert change.startswith("checks check_nginx_VI_1 every 5 s, rise 1, fall 2, weight -60 instead of")


def test_an_interval_below_a_second_is_not_told():
    text = (CAPTURES / "2.2.7-master.data").read_text()
    assert live_config(text.replace("Interval = 5 sec", "Interval = 0 sec"))["VI_1"].checks is None


def test_what_is_no_dump_tells_nothing():
    for text in ("", "\x00\x01", "VRRP Instance", " VRRP Instance = X\n   Priority = many\n"):
        assert live_config(text) == {}


def test_a_delay_before_preemption_is_told_only_where_there_is_one():
    text = (CAPTURES / "2.2.7-master.data").read_text().replace("Preempt = disabled", "Preempt = enabled")
    before = live_config(text)["VI_1"]
    after = live_config(text.replace("Preempt = enabled", "Preempt = enabled\n   Preempt delay = 2.5 secs"))[
        "VI_1"
    ]
    assert (before.preempt_delay_s, after.preempt_delay_s) == (0.0, 2.5)
    assert before.changes(after) == ("preempt_delay 2.5 s instead of 0 s",)


def test_a_build_that_does_not_name_preemption_has_not_told_it():
    text = (CAPTURES / "2.2.7-master.data").read_text()
    assert live_config(text.replace("   Preempt = disabled\n", ""))["VI_1"].nopreempt is None


def test_rendered_files_say_what_a_daemon_that_has_read_them_tells():
    files = {each.path: each.content for each in render_node(PROFILE, "iam-a", {"VI_1": "sesame12"})}
    (text,) = (content for path, content in files.items() if path.endswith("keepalived.conf"))
    (read,) = live_on_disk(keepalived_conf({CONF: text})).values()
    (told,) = live_config((CAPTURES / "2.2.7-master.data").read_text()).values()
    assert replace(read, notify=told.notify) == told


def read(text: str) -> LiveVrrp | None:
    return live_on_disk(keepalived_conf({CONF: text})).get("VI_1")


def test_the_files_of_a_stopped_daemon_say_what_it_would_run_with():
    live = read(OWN)
    assert live is not None
    assert (live.nopreempt, live.preempt_delay_s) == (False, 30.0)
    assert live.checks == (LiveCheck("chk", 20, 20, 1, 3, -10),)


@pytest.mark.parametrize(
    ("edit", "nopreempt", "delay_s"),
    [
        (("preempt_delay 30", "nopreempt"), True, 0.0),
        (("preempt_delay 30", "nopreempt\n preempt_delay 30"), True, 0.0),
        (("state BACKUP", "state MASTER\n nopreempt"), False, 0.0),
        (("priority 100", "priority 255\n nopreempt"), False, 30.0),
    ],
    ids=["nopreempt", "both", "master", "owner"],
)
def test_what_keepalived_clears_when_it_reads_them_is_not_taken_for_set(
    edit: tuple[str, str], nopreempt: bool, delay_s: float
):
    live = read(OWN.replace(*edit))
    assert live is not None
    assert (live.nopreempt, live.preempt_delay_s) == (nopreempt, delay_s)


@pytest.mark.parametrize(
    "edit",
    [("priority 100", "priority $P"), ("preempt_delay 30", "preempt_delay $D"), ("VI_1", "VI_$N"), ("51", "")],
    ids=["priority", "delay", "name", "no-router-id"],
)
def test_an_instance_that_hangs_on_a_definition_says_nothing(edit: tuple[str, str]):
    assert read(OWN.replace(*edit)) is None


@pytest.mark.parametrize(
    "edit",
    [
        (" priority 100\n", ""),
        ("priority 100", "priority 100\n advert_int 0.5"),
        ("priority 100", "priority 100\n include more.conf"),
        ("priority 100", "priority 100\n priority 90"),
    ],
    ids=["master without a priority", "parts of a second", "an include", "twice"],
)
def test_what_keepalived_decides_itself_or_nobody_could_read_says_nothing(edit: tuple[str, str]):
    assert read(OWN.replace("state BACKUP", "state MASTER")) is not None
    assert read(OWN.replace("state BACKUP", "state MASTER").replace(*edit)) is None


def test_whether_it_preempts_by_two_words_at_once_is_not_told():
    live = read(OWN.replace("preempt_delay 30", "nopreempt\n preempt"))
    assert live is not None
    assert live.nopreempt is None


def test_a_check_that_does_not_say_how_it_runs_is_not_told():
    live = read(OWN.replace("interval 20", "interval 0.5"))
    assert live is not None
    assert live.checks is None
