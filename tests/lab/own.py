"""Asks the lab that tests may break: its nodes, its VIP, and whether it is whole."""

from __future__ import annotations

from iamops.lab.lab import Lab
from iamops.lab.network import inside
from iamops.lab.processes import wait_until
from iamops.lab.status import readiness, unserved
from tests.lab.conftest import request

VIP = "10.0.4.99"
API = "iam.api.marmotedu.com"


def mended(lab: Lab) -> Lab:
    lab.heal_all()
    lab.up()
    return lab


def out(lab: Lab, node: str, *argv: str) -> str:
    return lab.must(node, list(argv)).strip()


def fetched(lab: Lab, node: str, url: str) -> str:
    """What curl on the node gets within a second, or curl's exit code."""
    done = lab.exec(node, ["curl", "-sS", "-m", "1", url])
    return done.stdout.decode() if done.returncode == 0 else f"curl {done.returncode}"


def answer(lab: Lab, address: str = VIP, path: str = "/healthz"):
    return inside(lab.paths.operator_namespace, lambda: request(address, API, path))


def comes_true(claim, wait_s: float = 10) -> bool:
    return wait_until(claim, wait_s=wait_s)


def whole(lab: Lab) -> bool:
    return readiness(lab.profile, lab.paths).holds and not unserved(lab.profile, lab.paths)
