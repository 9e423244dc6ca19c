"""The closed network: a bridge in a namespace of its own, one namespace per node and one for the operator.

No uplink, no route, and no address in the machine's own namespace: the seed's addresses can be used
anywhere, and nothing can leave.
"""

from __future__ import annotations

import ctypes
import ipaddress
import json
import os
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from iamops.lab.place import BRIDGE, LabPaths, namespace_path
from iamops.lab.processes import LabNotUp, ToolFailed, run, succeeds
from iamops.model.profile import Node, Profile

OPERATOR_HOST = 10
INTERFACE_NAME_MAX = 15


def operator_address(profile: Profile) -> str:
    """The operator's address in the nodes' network: host 10, or the next one that nobody uses."""
    nodes = list(profile.nodes.values())
    network = ipaddress.ip_network(f"{nodes[0].address}/24", strict=False)
    taken = {node.address for node in nodes} | {instance.address for instance in profile.vrrp.values()}
    hosts = [str(host) for host in network.hosts()]
    return next(host for host in hosts[OPERATOR_HOST - 1 :] if host not in taken)


def port_name(node: str) -> str:
    """The bridge's port of a node's cable. The kernel allows 15 characters: longer names are shortened."""
    name = f"p-{node}"
    return name if len(name) <= INTERFACE_NAME_MAX else f"{name[:6]}-{zlib.crc32(node.encode()):08x}"


def hardware_address(address: str) -> str:
    """A locally administered MAC made of the IPv4 address, so that a node keeps its own for ever."""
    return "02:00:" + ipaddress.IPv4Address(address).packed.hex(":")


def create(profile: Profile, paths: LabPaths) -> None:
    """Makes the bridge and the operator's side of it, if they are not there yet."""
    if exists(paths):
        return
    remove(paths, profile.nodes)
    run(["ip", "netns", "add", paths.bridge_namespace])
    run(["ip", "netns", "add", paths.operator_namespace])
    _in(
        paths.bridge_namespace,
        "link set lo up",
        # Multicast VRRP must cross too, and a port must forward at once.
        f"link add {BRIDGE} type bridge forward_delay 0 stp_state 0 mcast_snooping 0",
        f"link set {BRIDGE} up",
    )
    _cable(paths, "operator", paths.operator_namespace, "eth0", operator_address(profile))


def attach_node(node: Node, paths: LabPaths) -> None:
    """Gives a node a new namespace with its address, cabled to the bridge."""
    detach_node(node.name, paths)
    namespace = paths.namespace(node.name)
    run(["ip", "netns", "add", namespace])
    _cable(paths, port_name(node.name), namespace, node.interface, node.address)


def detach_node(node: str, paths: LabPaths) -> None:
    """Takes the node's cable and its namespace away."""
    # The kernel empties a deleted namespace some time later: the cable must be gone now.
    succeeds(["ip", "-n", paths.bridge_namespace, "link", "delete", port_name(node)])
    _delete(paths.namespace(node))


def set_cable(node: str, paths: LabPaths, *, plugged: bool) -> None:
    """The bridge's end of a cable down: the node's interface loses its carrier, as with a pulled plug."""
    _in(paths.bridge_namespace, f"link set {port_name(node)} {'up' if plugged else 'down'}")


def cable_plugged(node: str, paths: LabPaths) -> bool:
    """Whether the bridge's end of the node's cable is up. False also when there is no cable."""
    try:
        output = run(["ip", "-n", paths.bridge_namespace, "-j", "link", "show", port_name(node)])
    except ToolFailed:
        return False
    return any("UP" in link.get("flags", ()) for link in json.loads(output))


def addresses(node: str, paths: LabPaths) -> tuple[str, ...]:
    """The IPv4 addresses in a node's kernel, without loopback."""
    namespace = paths.namespace(node)
    if not namespace_path(namespace).exists():
        return ()
    links: list[dict[str, Any]] = json.loads(run(["ip", "-n", namespace, "-j", "-4", "address", "show"]))
    found = [info["local"] for link in links for info in link.get("addr_info", ())]
    return tuple(address for address in found if not address.startswith("127."))


def remove(paths: LabPaths, nodes: Iterable[str]) -> None:
    for name in (*map(paths.namespace, nodes), paths.operator_namespace, paths.bridge_namespace):
        _delete(name)


def exists(paths: LabPaths) -> bool:
    return succeeds(["ip", "-n", paths.bridge_namespace, "link", "show", BRIDGE]) and succeeds(
        ["ip", "-n", paths.operator_namespace, "link", "show", "eth0"]
    )


def _cable(paths: LabPaths, port: str, namespace: str, interface: str, address: str) -> None:
    """A veth pair made straight between the two namespaces: ours never sees either end."""
    mac = hardware_address(address)
    _in(
        paths.bridge_namespace,
        f"link add {port} type veth peer name {interface} address {mac} netns {namespace}",
        f"link set {port} master {BRIDGE}",
        f"link set {port} up",
    )
    _in(
        namespace,
        "link set lo up",
        f"address add {address}/24 broadcast + dev {interface}",
        f"link set {interface} up",
    )


def _in(namespace: str, *commands: str) -> None:
    run(["ip", "-n", namespace, "-batch", "-"], stdin="\n".join(commands) + "\n")


def _delete(namespace: str) -> None:
    if namespace_path(namespace).exists():
        run(["ip", "netns", "delete", namespace])


# Work inside a network namespace: a thread enters it, works there, and ends. The process stays outside.

CLONE_NEWNET = 0x40000000  # <linux/sched.h>
T = TypeVar("T")


def inside(name: str, work: Callable[[], T]) -> T:
    """Runs `work` in a thread of its own within the namespace. Raises LabNotUp if it is not there."""
    # The thread must not outlive the call: its namespace would be alive with it.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix=name) as threads:
        threads.submit(_enter, name).result()
        return threads.submit(work).result()


def _enter(name: str) -> None:
    try:
        descriptor = os.open(namespace_path(name), os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise LabNotUp(f"the network namespace {name} is not there", "iamops lab up") from error
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(descriptor, CLONE_NEWNET) != 0:
            reason = os.strerror(ctypes.get_errno())
            raise LabNotUp(f"cannot enter the network namespace {name}: {reason}", "run it as root")
    finally:
        os.close(descriptor)
