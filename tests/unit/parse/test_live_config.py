"""What keepalived's data dump tells about its own configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.model.live import LiveCheck, LiveVrrp
from console.parse.live_config import live_config

CAPTURES = Path(__file__).parents[2] / "fixtures" / "keepalived"


def test_a_captured_dump_tells_everything_a_budget_needs():
    text = (CAPTURES / "2.2.7-master.data").read_text()
    assert live_config(text) == {
        "VI_1": LiveVrrp(
            instance="VI_1",
            priority=100,
            advert_interval_s=1.0,
            nopreempt=True,
            virtual_router_id=51,
            version=2,
            checks=(LiveCheck("check_nginx_VI_1", 5.0, 3.0, 1, 2),),
            notify=("BACKUP", "MASTER", "FAULT", "STOP"),
        )
    }


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
