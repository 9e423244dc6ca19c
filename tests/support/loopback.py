"""A pair of which nothing is anywhere but on this machine's loopback: nothing of it may reach a real network."""

from __future__ import annotations

from typing import Any

from iamops.model.profile import Profile
from tests.support.profiles import pair

CLOSED_PORT = 1


def loopback(*, ssh_port: int = CLOSED_PORT, nginx_port: int = CLOSED_PORT, **changes: Any) -> Profile:
    """Nodes at 127.0.0.1 and 127.0.0.2, the VIP at 127.0.0.99. On a CLOSED_PORT nobody listens."""
    return pair(
        network_namespace=None,
        nodes={
            "iam-a": {"address": "127.0.0.1", "priority": 100},
            "iam-b": {"address": "127.0.0.2", "priority": 50},
        },
        vrrp={"VI_1": {"virtual_router_id": 51, "vip": "127.0.0.99"}},
        ssh={"port": ssh_port},
        nginx={"port": nginx_port},
        **changes,
    )
