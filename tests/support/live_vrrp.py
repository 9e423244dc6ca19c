"""What keepalived runs with, by single numbers."""

from __future__ import annotations

from iamops.model.running import LiveCheck, LiveVrrp

CHECK = LiveCheck("check_nginx", interval_s=5, timeout_s=3, rise=1, fall=2)


def live_vrrp(priority: int, advert_s: float = 1.0, version: int = 2) -> LiveVrrp:
    return LiveVrrp("VI_1", priority, advert_s, True, 51, version, (CHECK,))
