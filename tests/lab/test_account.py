"""A failed test says what is needed to understand it."""

from __future__ import annotations

import time

from tests.lab.account import account


def test_the_account_of_a_failed_test_has_the_machine_the_state_and_a_timeline(lab):
    began = time.time() - 1
    lab.must("iam-b", ["logger", "-t", "marked", "second"])
    lab.must("iam-a", ["systemctl", "stop", "iam-pump"])
    told = account(lab, began)
    assert "load " in told
    assert f"VIP {lab.profile.instance.address} on iam-a; faults: none" in told
    assert "iam-a: iam-pump inactive" in told
    assert "iam-b: all units are active" in told
    assert "Stopped" in told
    assert any(" iam-b " in line and "marked" in line and "second" in line for line in told.splitlines())


def test_what_cannot_be_told_is_said(lab):
    class Gone:
        profile = lab.profile

        def exec(self, *argv: object, **kinds: object) -> None:
            raise OSError("gone")

    told = account(Gone(), time.time())
    assert "_state cannot be told" in told
    assert "OSError('gone')" in told
