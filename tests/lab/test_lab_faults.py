"""The faults of the lab break it for real, and heal."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from iamops.lab.faults.catalogue import CATALOGUE
from iamops.lab.lab import Lab
from iamops.lab.network import inside
from iamops.lab.node import Power
from iamops.lab.processes import LabNotUp, NotProven, ToolFailed, UnknownFault
from iamops.lab.status import readiness
from tests.lab.own import answer, comes_true, fetched, mended, out, whole

OWNER, STANDBY = "iam-a", "iam-b"


@pytest.fixture
def lab(own_lab):
    """The lab that may be broken, whole before each test."""
    return mended(own_lab)


def unit_is(state: str, unit: str, node: str = STANDBY):
    return lambda lab: out_or_code(lab, node, "systemctl", "is-active", unit) == state


def out_or_code(lab: Lab, node: str, *argv: str) -> str:
    return lab.exec(node, list(argv)).stdout.decode().strip()


def no_answer_from(url: str, code: str):
    """The other node asks, as nginx there would."""
    return lambda lab: fetched(lab, OWNER, url) == code


def ssh_greets(lab: Lab) -> bool:
    return (readiness(lab.profile, lab.paths).ssh or {})[STANDBY]


def dead_to_the_network(lab: Lab) -> bool:
    return lab.exec(OWNER, ["ping", "-c1", "-W1", "10.0.4.21"]).returncode != 0


def may_set_addresses(lab: Lab) -> bool:
    """CAP_NET_ADMIN is bit 12 of the bounding set (capabilities(7))."""
    show = "awk '/^CapBnd/ {print $2}' /proc/$(systemctl show --value -p MainPID keepalived)/status"
    return bool(int(out(lab, STANDBY, "sh", "-c", show), 16) & 1 << 12)


BROKEN = {
    "stop-unit": (("iam-pump",), unit_is("inactive", "iam-pump")),
    "kill-unit": (("keepalived",), unit_is("failed", "keepalived")),
    "hang-unit": (("iam-authz-server",), no_answer_from("http://10.0.4.21:9090/healthz", "curl 28")),
    "nginx-hang": ((), no_answer_from("http://10.0.4.21/", "curl 28")),
    "sshd-hang": ((), lambda lab: not ssh_greets(lab)),
    "ssh-blocked": ((), lambda lab: not ssh_greets(lab)),
    "power-off": ((), dead_to_the_network),
    "freeze": ((), no_answer_from("http://10.0.4.21:8080/healthz", "curl 28")),
    "cable": ((), dead_to_the_network),
    "vip-astray": ((), lambda lab: lab.status().owners == (OWNER, STANDBY)),
    "vip-denied": ((), lambda lab: not may_set_addresses(lab)),
    "db-grant-revoked": (
        (),
        lambda lab: "error 1130" in fetched(lab, STANDBY, "http://127.0.0.1:8080/v1/users"),
    ),
    "backend-loopback": (("iam-apiserver",), no_answer_from("http://10.0.4.21:8080/healthz", "curl 7")),
    "disk-full": ((), lambda lab: lab.exec(STANDBY, ["sh", "-c", "seq 99999 > /root/x"]).returncode != 0),
    "config-drift": (
        (),
        lambda lab: (
            lab.exec(STANDBY, ["grep", "-q", "priority 77", "/etc/keepalived/keepalived.conf"]).returncode == 0
        ),
    ),
    "nginx-config-broken": ((), lambda lab: lab.exec(STANDBY, ["nginx", "-t"]).returncode == 1),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_fault_of_a_node_is_real_and_heals(lab, name):
    units, is_broken = BROKEN[name]
    lab.fault(name, STANDBY, *units)
    try:
        assert comes_true(lambda: is_broken(lab))
        assert lab.status().faults == (" ".join((name, STANDBY, *units)),)
    finally:
        lab.heal(name, STANDBY, *units)
    assert comes_true(lambda: not is_broken(lab))
    assert lab.status().faults == ()
    assert comes_true(lambda: whole(lab))


def test_every_fault_has_its_test():
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert not [name for name in set(CATALOGUE) - set(BROKEN) if f'("{name}"' not in tests]


def test_dropped_vrrp_makes_two_masters_and_one_again(lab):
    lab.fault("vrrp-drop")
    assert comes_true(lambda: len(lab.status().owners) == 2)
    lab.heal("vrrp-drop")
    assert comes_true(lambda: len(lab.status().owners) == 1)


def test_the_vip_moves_when_its_owner_loses_power_and_stays_after_power_on(lab):
    (owner,) = lab.status().owners
    (other,) = set(lab.profile.nodes) - {owner}
    lab.must(owner, ["sh", "-c", "echo kept > /root/mark; sync"])
    lab.fault("power-off", owner)
    assert lab.node(owner).power() is Power.OFF
    assert comes_true(lambda: lab.status().owners == (other,))
    assert comes_true(lambda: answer(lab).status == 200)
    lab.fault("power-on", owner)
    assert comes_true(lambda: whole(lab))
    assert lab.status().owners == (other,)
    assert out(lab, owner, "cat", "/root/mark") == "kept"


def test_a_node_without_power_says_nothing_on_the_network(lab):
    """No FIN, no RST: what was connected must time out, as with a real machine."""
    ended: list[str] = []
    connected = threading.Event()

    def hold_a_connection() -> None:
        import socket

        with socket.create_connection(("10.0.4.21", 22), timeout=5) as connection:
            connection.recv(64)
            connected.set()
            connection.settimeout(2)
            try:
                ended.append("closed" if connection.recv(64) == b"" else "data")
            except TimeoutError:
                ended.append("silence")

    client = threading.Thread(target=inside, args=(lab.paths.operator_namespace, hold_a_connection))
    client.start()
    assert connected.wait(5)
    lab.fault("power-off", "iam-b")
    client.join()
    assert ended == ["silence"]


def test_up_heals_a_pulled_plug_and_names_the_faults_it_cannot_heal(lab, monkeypatch):
    lab.fault("power-off", "iam-b")
    assert lab.up().holds
    assert lab.status().faults == ()
    lab.fault("sshd-hang", "iam-b")
    monkeypatch.setattr("iamops.lab.lab.PROOF_S", 0.5)
    with pytest.raises(NotProven) as failure:
        lab.up()
    assert "sshd-hang iam-b" in failure.value.reason
    assert failure.value.next_step == "iamops lab fault --heal-all"
    lab.heal_all()
    assert lab.up().holds


def test_a_fault_that_cannot_be_applied_is_not_noted(lab):
    with pytest.raises(ToolFailed):
        lab.fault("stop-unit", "iam-b", "no-such-unit")
    with pytest.raises(UnknownFault):
        lab.fault("backend-loopback", "iam-b", "nginx")
    assert lab.status().faults == ()


def test_a_frozen_node_is_said_to_be_frozen(lab):
    lab.fault("freeze", "iam-b")
    assert lab.status().nodes["iam-b"].power == "frozen"
    with pytest.raises(LabNotUp, match="frozen"):
        lab.exec("iam-b", ["true"])
    assert [fault.sentence for fault in lab.heal_all()] == ["freeze iam-b"]
    assert lab.exec("iam-b", ["true"]).returncode == 0
