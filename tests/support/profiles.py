"""Profiles built in code, for tests that need a cluster but no YAML."""

from __future__ import annotations

from typing import Any, get_args

from iamops.model.profile import Fence, Profile

# A command for everything that can be done to a whole machine.
FENCING = {fence: [fence, "{node}"] for fence in get_args(Fence)}
THREE = {
    "iam-a": {"address": "10.0.4.20", "priority": 100},
    "iam-b": {"address": "10.0.4.21", "priority": 50},
    "iam-c": {"address": "10.0.4.10", "priority": 30},
}


def unicast_pair() -> Profile:
    """The pair as the captured dumps of keepalived have it: unicast, nopreempt, with a password."""
    vrrp = {
        "virtual_router_id": 51,
        "vip": "10.0.4.99",
        "unicast": True,
        "nopreempt": True,
        "auth": {"type": "PASS", "from_env": "X"},
    }
    return pair(vrrp={"VI_1": vrrp})


def pair(**changes: Any) -> Profile:
    """The lab's pair: iam-a (100) and iam-b (50), one VIP, three services, three datastores."""
    raw: dict[str, Any] = {
        "name": "lab",
        "environment": "lab",
        "network_namespace": "iamops-op",
        "nodes": {
            "iam-a": {"address": "10.0.4.20", "priority": 100},
            "iam-b": {"address": "10.0.4.21", "priority": 50},
        },
        "vrrp": {"VI_1": {"virtual_router_id": 51, "vip": "10.0.4.99"}},
        "services": {
            "iam-apiserver": {"port": 8080, "domain": "iam.api.marmotedu.com"},
            "iam-authz-server": {"port": 9090, "domain": "iam.authz.marmotedu.com"},
            "iam-pump": {"port": 7070},
        },
        "datastores": {name: {"node": "iam-a"} for name in ("mariadb", "redis", "mongodb")},
    }
    return Profile.model_validate(raw | changes)
