"""The lab's network: addresses and names of ports."""

from __future__ import annotations

from iamops.lab import network
from tests.support.profiles import THREE, pair


def test_the_operator_takes_host_10_or_the_next_free_one():
    assert network.operator_address(pair()) == "10.0.4.10"
    assert network.operator_address(pair(nodes=THREE)) == "10.0.4.11"


def test_every_port_name_fits_the_kernel_and_is_its_nodes_own():
    assert network.port_name("iam-a") == "p-iam-a"
    long = [network.port_name(f"VM-4-2{digit}-centos") for digit in "01"]
    assert len(set(long)) == 2
    assert max(map(len, long)) <= 15


def test_a_node_has_the_same_hardware_address_for_ever():
    assert network.hardware_address("10.0.4.20") == "02:00:0a:00:04:14"
