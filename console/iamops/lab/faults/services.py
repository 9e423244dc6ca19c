"""Faults of services (stopped, killed, hung, cut off from what they need) and of their files and disks."""

from __future__ import annotations

from collections.abc import Sequence

from iamops.lab import keys, provision
from iamops.lab.faults.context import Change, FaultContext, FaultTarget, systemctl
from iamops.lab.processes import UnknownFault
from iamops.model.config import KEEPALIVED_CONF
from iamops.model.profile import Datastore, DatastoreKind

# logind does not run on the lab's nodes: SSH sessions are in the control group of sshd itself.
SSHD_UNIT = "ssh"
STOP, START, KILL = ("stop",), ("start",), ("kill", "--signal=SIGKILL")
HANG = ("kill", "--kill-whom=all", "--signal=SIGSTOP")
WAKE = ("kill", "--kill-whom=all", "--signal=SIGCONT")


def unit(words: Sequence[str]) -> Change:
    """`systemctl WORDS` for the unit that is named."""
    return lambda lab, target: systemctl(lab, target.at, *words, _unit(lab, target))


def nginx(words: Sequence[str]) -> Change:
    return lambda lab, target: systemctl(lab, target.at, *words, lab.profile.nginx.unit)


def sshd(words: Sequence[str]) -> Change:
    return lambda lab, target: systemctl(lab, target.at, *words, SSHD_UNIT)


def deny_vip(lab: FaultContext, target: FaultTarget) -> None:
    """keepalived goes on speaking VRRP, and the kernel refuses it every address."""
    drop_in = f"mkdir -p $(dirname {_denial(lab)}) && cat > {_denial(lab)}"
    lab.must(target.at, ["sh", "-euc", drop_in], stdin="[Service]\nCapabilityBoundingSet=~CAP_NET_ADMIN\n")
    _restart_keepalived(lab, target)


def allow_vip(lab: FaultContext, target: FaultTarget) -> None:
    lab.must(target.at, ["rm", "-f", _denial(lab)])
    _restart_keepalived(lab, target)


def revoke_grants(lab: FaultContext, target: FaultTarget) -> None:
    _sql(lab, [provision.revoke(address) for address in _clients(lab, target)])


def restore_grants(lab: FaultContext, target: FaultTarget) -> None:
    _sql(lab, [provision.grant(address) for address in _clients(lab, target)])


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


def certificate(fault: keys.CertificateFault) -> Change:
    def issue(lab: FaultContext, target: FaultTarget) -> None:
        _install(lab, target, keys.issue(lab.paths, lab.profile, lab.node(target.at).node, fault))

    return issue


def restore_certificate(lab: FaultContext, target: FaultTarget) -> None:
    kept = keys.certificates_of(lab.paths, lab.profile).get(target.at)
    if kept is not None:
        _install(lab, target, kept)


def _unit(lab: FaultContext, target: FaultTarget) -> str:
    """The unit's name; a datastore may be called by its own name in the profile."""
    if target.unit is None:
        raise UnknownFault("this fault needs a unit", "iamops lab fault --list")
    store = lab.profile.datastores.get(target.unit)
    return provision.unit_of(store) if store else target.unit


def _restart_keepalived(lab: FaultContext, target: FaultTarget) -> None:
    systemctl(lab, target.at, "daemon-reload")
    systemctl(lab, target.at, "restart", lab.profile.keepalived.unit)


def _denial(lab: FaultContext) -> str:
    return f"/etc/systemd/system/{lab.profile.keepalived.unit}.service.d/lab-denied.conf"


def _clients(lab: FaultContext, target: FaultTarget) -> tuple[str, ...]:
    """The addresses meant: one node's, or those of all nodes that reach MariaDB over the network."""
    if target.node is not None:
        return (lab.node(target.node).node.address,)
    return provision.clients_of(lab.profile, _mariadb(lab))


def _sql(lab: FaultContext, statements: Sequence[str]) -> None:
    lab.must(_mariadb(lab).node, ["mariadb"], stdin="\n".join([*statements, "FLUSH PRIVILEGES;"]))


def _mariadb(lab: FaultContext) -> Datastore:
    store = provision.first(lab.profile, DatastoreKind.MARIADB)
    if store is None:
        raise UnknownFault("the profile has no MariaDB", "add one under datastores")
    return store


def _install(lab: FaultContext, target: FaultTarget, pair: keys.CertificatePair) -> None:
    """Puts a certificate in place, and restarts every service that shows one."""
    for path, content in ((keys.CERT, pair.certificate), (keys.KEY, pair.key)):
        lab.must(target.at, ["sh", "-euc", f"cat > {path}"], stdin=content)
    units = dict.fromkeys(service.unit for service in lab.profile.tls_ports_on(target.at).values())
    if not units:
        raise UnknownFault("the profile has no TLS ports", "add tls_ports to a service")
    systemctl(lab, target.at, "restart", *units)


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


def empty_disk(lab: FaultContext, target: FaultTarget) -> None:
    lab.must(target.at, ["rm", "-f", FILLER, f"{FILLER}.rest"])


def change_keepalived_config(lab: FaultContext, target: FaultTarget) -> None:
    """The priority on the disk becomes 77; the running daemon keeps its own."""
    lab.must(target.at, ["sh", "-euc", f"[ -e {SAVED} ] || cp -p {KEEPALIVED_CONF} {SAVED}"])
    lab.must(target.at, ["sed", "-i", "-E", r"s/^(\s*priority\s+)[0-9]+/\177/", KEEPALIVED_CONF])


def restore_keepalived_config(lab: FaultContext, target: FaultTarget) -> None:
    lab.must(target.at, ["sh", "-euc", f"[ ! -e {SAVED} ] || mv -f {SAVED} {KEEPALIVED_CONF}"])


def break_nginx_config(lab: FaultContext, target: FaultTarget) -> None:
    lab.must(target.at, ["sh", "-euc", f"cat > {BROKEN_NGINX_CONFIG}"], stdin=BROKEN_UPSTREAM)


def restore_nginx_config(lab: FaultContext, target: FaultTarget) -> None:
    lab.must(target.at, ["rm", "-f", BROKEN_NGINX_CONFIG])
