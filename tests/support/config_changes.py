"""Trees of a node's files and what a push of a changed profile would make of them."""

from __future__ import annotations

from iamops.model.config import ConfFile, ConfTree
from iamops.model.profile import Profile
from iamops.plan.config.change import node_change
from iamops.render.nodefiles import render_node
from tests.support.profiles import pair

SECRETS = {"VI_1": "sesame12"}


def authed(**vrrp: object) -> Profile:
    auth = {"type": "PASS", "from_env": "X"}
    return pair(vrrp={"VI_1": {"virtual_router_id": 51, "vip": "10.0.4.99", "auth": auth, **vrrp}})


def tree(node: str = "iam-a", profile: Profile | None = None, secrets: dict[str, str] = SECRETS) -> ConfTree:
    files = render_node(profile or authed(), node, secrets)
    return ConfTree(node, {f.path: ConfFile(f.path, f.content, f.mode, f.owner, f.group) for f in files})


def wanted(profile: Profile, node: str = "iam-a", secrets: dict[str, str] = SECRETS):
    return render_node(profile, node, secrets)


def changes(profile: Profile, secrets: dict[str, str] = SECRETS):
    return {node: node_change(tree(node), wanted(profile, node, secrets)) for node in ("iam-a", "iam-b")}
