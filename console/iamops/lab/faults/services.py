"""Faults of services (stopped, killed, hung, cut off from what they need) and of their files and disks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from iamops.lab import keys, provision
from iamops.lab.faults.context import Change, FaultContext, FaultTarget, systemctl
from iamops.lab.processes import UnknownFault
from iamops.model.config import KEEPALIVED_CONF
from iamops.model.profile import DatastoreKind

# logind does not run on the lab's nodes: SSH sessions are in the control group of sshd itself.
SSHD_UNIT = "ssh"
STOP, START, KILL = ("stop",), ("start",), ("kill", "--signal=SIGKILL")
HANG = ("kill", "--kill-whom=all", "--signal=SIGSTOP")
WAKE = ("kill", "--kill-whom=all", "--signal=SIGCONT")


def unit(words: Sequence[str]) -> Change:
    """`systemctl WORDS` for the unit that is named."""
    return lambda lab, target: systemctl(lab, target.at, *words, _unit(lab, target))


def keepalived_vip(*, allowed: bool) -> Change:
    """Denied, keepalived goes on speaking VRRP, and the kernel refuses it every address."""

    def change(lab: FaultContext, target: FaultTarget) -> None:
        keepalived = lab.profile.keepalived.unit
        drop_in = f"/etc/systemd/system/{keepalived}.service.d/lab-denied.conf"
        if allowed:
            lab.must(target.at, ["rm", "-f", drop_in])
        else:
            write = ["sh", "-euc", f"mkdir -p $(dirname {drop_in}) && cat > {drop_in}"]
            lab.must(target.at, write, stdin="[Service]\nCapabilityBoundingSet=~CAP_NET_ADMIN\n")
        systemctl(lab, target.at, "daemon-reload")
        systemctl(lab, target.at, "restart", keepalived)

    return change


def grants(statement: Callable[[str], str]) -> Change:
    """For the address of one node, or of all nodes that reach MariaDB over the network."""

    def change(lab: FaultContext, target: FaultTarget) -> None:
        store = provision.first(lab.profile, DatastoreKind.MARIADB)
        if store is None:
            raise UnknownFault("the profile has no MariaDB", "add one under datastores")
        clients = provision.clients_of(lab.profile, store)
        if target.node is not None:
            clients = (lab.node(target.node).node.address,)
        lab.must(store.node, ["mariadb"], stdin="\n".join([*map(statement, clients), "FLUSH PRIVILEGES;"]))

    return change


def configured(**changes: object) -> Change:
    """Writes the stand-in's configuration anew and restarts it; that it cannot start may be what is wanted."""

    def configure(lab: FaultContext, target: FaultTarget) -> None:
        unit = _unit(lab, target)
        service = next((s for s in lab.profile.services.values() if s.unit == unit), None)
        if service is None:
            known = ", ".join(s.unit for s in lab.profile.services.values())
            raise UnknownFault(f"{unit} is no IAM service", f"services: {known}")
        config = provision.service_config(lab.profile, lab.node(target.at).node, service, **changes)
        lab.must(target.at, ["sh", "-euc", f"cat > {config.path}"], stdin=config.content)
        systemctl(lab, target.at, "restart", unit)

    return configure


def certificate(fault: keys.CertificateFault | None = None) -> Change:
    """Puts a certificate in place, the kept one without a fault, and restarts every service that shows one."""

    def change(lab: FaultContext, target: FaultTarget) -> None:
        if fault is not None:
            pair = keys.issue(lab.paths, lab.profile, lab.node(target.at).node, fault)
        elif (kept := keys.certificates_of(lab.paths, lab.profile).get(target.at)) is not None:
            pair = kept
        else:
            return
        for path, content in ((keys.CERT, pair.certificate), (keys.KEY, pair.key)):
            lab.must(target.at, ["sh", "-euc", f"cat > {path}"], stdin=content)
        units = dict.fromkeys(service.unit for service in lab.profile.tls_ports_on(target.at).values())
        if not units:
            raise UnknownFault("the profile has no TLS ports", "add tls_ports to a service")
        systemctl(lab, target.at, "restart", *units)

    return change


def _unit(lab: FaultContext, target: FaultTarget) -> str:
    """The unit's name; a datastore may be called by its own name in the profile."""
    if target.unit is None:
        raise UnknownFault("this fault needs a unit", "iamops lab fault --list")
    store = lab.profile.datastores.get(target.unit)
    return provision.unit_of(store) if store else target.unit


# Faults on the disk: full, or with files that are not what was rendered.

FILLER = "/var/tmp/iamops-lab-filler"  # noqa: S108 - on the node, made and removed by root
LEFT_TO_WRITE = 16 << 20
BROKEN_NGINX_CONFIG = "/etc/nginx/conf.d/zz-lab-broken.conf"
BROKEN_UPSTREAM = "upstream lab-broken {\n    server 127.0.0.1:8080\n}\n"
SAVED = f"{KEEPALIVED_CONF}.before-fault"


def fill_disk(lab: FaultContext, target: FaultTarget) -> None:
    """Takes every free block. The disk is a bounded image file that stays sparse: nothing else fills."""
    free = int(lab.must(target.at, ["df", "--output=avail", "--block-size=1", "/"]).split()[-1])
    if free > LEFT_TO_WRITE:
        lab.must(target.at, ["fallocate", "--length", str(free - LEFT_TO_WRITE), FILLER])
    # fallocate needs blocks of its own and cannot use the very last ones; a writer can.
    lab.must(target.at, ["sh", "-c", f"cat /dev/zero >> {FILLER}.rest 2>/dev/null || :"])


def change_keepalived_config(lab: FaultContext, target: FaultTarget) -> None:
    """The priority on the disk becomes 77; the running daemon keeps its own."""
    lab.must(target.at, ["sh", "-euc", f"[ -e {SAVED} ] || cp -p {KEEPALIVED_CONF} {SAVED}"])
    lab.must(target.at, ["sed", "-i", "-E", r"s/^(\s*priority\s+)[0-9]+/\177/", KEEPALIVED_CONF])


def ran(*argv: str, stdin: str = "") -> Change:
    def change(lab: FaultContext, target: FaultTarget) -> None:
        lab.must(target.at, argv, stdin=stdin)

    return change


empty_disk = ran("rm", "-f", FILLER, f"{FILLER}.rest")
restore_keepalived_config = ran("sh", "-euc", f"[ ! -e {SAVED} ] || mv -f {SAVED} {KEEPALIVED_CONF}")
break_nginx_config = ran("sh", "-euc", f"cat > {BROKEN_NGINX_CONFIG}", stdin=BROKEN_UPSTREAM)
restore_nginx_config = ran("rm", "-f", BROKEN_NGINX_CONFIG)
