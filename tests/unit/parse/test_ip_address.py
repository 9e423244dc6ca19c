"""iproute2's output, captured from iproute2 6.1 in a network namespace."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from iamops.parse.host import AddressLine, address_list, monitor_line

CAPTURES = Path(__file__).parents[2] / "fixtures" / "iproute2"


def test_every_address_is_listed_without_its_prefix_length():
    text = (CAPTURES / "addr_show.txt").read_text()
    assert address_list(text) == {
        "10.0.4.20",
        "fd00::1",
        "fe80::24bd:76ff:feed:3802",
        "fe80::c407:dfff:fe45:4fed",
    }


def test_an_address_comes_and_goes_with_the_kernels_time():
    lines = [monitor_line(line) for line in (CAPTURES / "monitor.txt").read_text().splitlines()]
    came, gone = lines[0], lines[2]
    stamp = datetime(2026, 11, 23, 13, 45, 45, 553200, UTC)
    assert came == AddressLine("eth0", "10.0.4.99", True, stamp)
    assert gone is not None
    assert (gone.address, gone.present) == ("10.0.4.99", False)


def test_other_lines_are_none_and_a_broken_stamp_is_no_stamp():
    assert monitor_line("") is None
    assert monitor_line("[2026-11-23T13:45:45] 3: eth0: <UP> mtu 1500") is None
    line = monitor_line("[yesterday] 3: eth0    inet 10.0.4.99/32 scope global eth0")
    assert line == AddressLine("eth0", "10.0.4.99", True, None)
