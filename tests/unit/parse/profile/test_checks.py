"""What must hold between the parts of a profile."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.support.profile_texts import LAB, complaints
from tests.support.profiles import pair


def test_mistakes_of_form_and_of_meaning_are_told_together():
    text = LAB.replace("priority: 50", "priority: 500, name: b").replace("name: lab", "name: lab\nname: lab")
    keys = [line.split(": ")[1] for line in complaints(text)]
    assert keys == ["name", "nodes.iam-b.name", "nodes.iam-b.priority"]


@pytest.mark.parametrize(("version", "interval_s", "fits"), [
    (2, 1, True), (2, 255, True), (2, 1.5, False),
    (3, 0.01, True), (3, 0.29, True), (3, 1, True), (3, 40.95, True),
    (3, 40.96, False), (3, 200, False), (3, 0.015, False), (3, 1.001, False),
])  # fmt: skip
def test_an_advert_interval_is_one_that_its_version_can_tell(version: int, interval_s: float, fits: bool):
    """RFC 5798: hundredths of a second in twelve bits; RFC 3768: seconds in eight."""
    wanted = {"virtual_router_id": 51, "vip": "10.0.4.99", "version": version, "advert_interval_s": interval_s}
    if fits:
        assert pair(vrrp={"VI_1": wanted}).vrrp["VI_1"].advert_interval_s == interval_s
        return
    with pytest.raises(ValidationError, match=r"advert_interval_s (of|in) "):
        pair(vrrp={"VI_1": wanted})
