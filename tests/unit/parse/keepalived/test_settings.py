"""keepalived's data dump as settings that can be compared: what it prints, and nothing that it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.parse.keepalived.settings import (
    address,
    addresses,
    advert_interval_s,
    dump_blocks,
    leading_number,
    running_blocks,
    running_settings,
)
from tests.support.files_on_disk import CAPTURES, DUMPS

DUMP = (CAPTURES / DUMPS["iam-a"]).read_text()


def test_lists_that_are_counted_are_read_like_those_with_a_colon():
    text = (CAPTURES / DUMPS["iam-a"]).read_text()
    old = text.replace("Virtual IP (1):", "Virtual IP = 1").replace("Unicast Peer :", "Unicast Peer = 1")
    assert running_settings(old) == running_settings(text)
    assert replace(running_settings(text)["VI_1"]).values["the VIP"] == ("10.0.4.99",)


def test_a_block_is_an_instance_or_a_check_and_ends_with_a_line_that_is_not_indented():
    text = (
        " VRRP Instance = VI_1\n   State = MASTER\n   State = BACKUP\nelse\n   Priority = 7\n VRRP Script = chk\n"
    )
    first, second = dump_blocks(text)
    assert (first.name, first.is_instance, first.fields) == ("VI_1", True, {"State": "MASTER"})
    assert (second.name, second.is_instance) == ("chk", False)


@pytest.mark.parametrize(
    ("value", "number"),
    [("1.5 sec", 1.5), ("1000 milli-sec", 1000.0), ("51", 51.0), ("x", None), ("", None), (None, None)],
)
def test_a_number_stands_at_the_beginning(value: str | None, number: float | None):
    assert leading_number(value) == number


def test_an_interval_is_in_seconds_also_where_it_is_printed_in_milliseconds():
    assert advert_interval_s({"Advert interval": "500 milli-sec"}) == 0.5
    assert advert_interval_s({"Advert interval": "1 sec"}) == 1.0
    assert advert_interval_s({}) is None


def test_an_address_has_one_spelling_and_no_prefix():
    assert address("FD00:0::1/64") == "fd00::1"
    assert address("no address/24") == "no address"
    assert addresses(["10.0.4.99/24", "10.0.4.99", "10.0.4.9"]) == ("10.0.4.9", "10.0.4.99")


def test_a_password_that_the_daemon_hides_is_compared_with_nothing():
    shown = running_settings(DUMP)["VI_1"]
    assert "the authentication" in shown.values
    assert "sesame" not in repr(shown)
    lines = ["   Password = ****" if "Password = " in line else line for line in DUMP.splitlines()]
    hidden = running_settings("\n".join(lines))["VI_1"]
    assert hidden.hides_password
    assert "the authentication" not in hidden.values


def test_an_interface_that_keepalived_makes_stands_for_the_one_it_is_on():
    lines = [
        "   Interface = vrrp.51, vmac on eth0, xmit base i/f" if line.startswith("   Interface = ") else line
        for line in DUMP.splitlines()
    ]
    assert running_settings("\n".join(lines))["VI_1"].values["the interface"] == "eth0"


def test_what_a_build_does_not_print_is_left_out():
    lines = [line for line in DUMP.splitlines() if not line.startswith(("   Preempt = ", "   Priority = "))]
    values = running_settings("\n".join(lines))["VI_1"].values
    assert not {"nopreempt", "priority"} & values.keys()


def test_a_check_is_a_block_of_its_own():
    blocks = running_blocks(DUMP)
    assert set(blocks) == {"VI_1", "vrrp_script check_nginx_VI_1"}
