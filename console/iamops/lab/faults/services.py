"""Faults of services: stopped, killed, hung, cut off from what they need."""

from __future__ import annotations

from collections.abc import Sequence

from iamops.lab import keys, provision
from iamops.lab.faults.context import FaultContext, FaultTarget, systemctl
from iamops.lab.processes import UnknownFault
from iamops.model.config import KEEPALIVED_CONF
from iamops.model.profile import Datastore, DatastoreKind, Node

SSHD_UNIT = "ssh"


def stop_unit(bench: FaultContext, aim: FaultTarget) -> None:
    systemctl(bench, aim.at, "stop", _unit(bench, aim))


def start_unit(bench: FaultContext, aim: FaultTarget) -> None:
    systemctl(bench, aim.at, "start", _unit(bench, aim))


def kill_unit(bench: FaultContext, aim: FaultTarget) -> None:
    systemctl(bench, aim.at, "kill", "--signal=SIGKILL", _unit(bench, aim))


def hang_unit(bench: FaultContext, aim: FaultTarget) -> None:
    _hang(bench, aim.at, _unit(bench, aim))


def wake_unit(bench: FaultContext, aim: FaultTarget) -> None:
    _wake(bench, aim.at, _unit(bench, aim))


def hang_nginx(bench: FaultContext, aim: FaultTarget) -> None:
    _hang(bench, aim.at, bench.profile.nginx.unit)


def wake_nginx(bench: FaultContext, aim: FaultTarget) -> None:
    _wake(bench, aim.at, bench.profile.nginx.unit)


def hang_sshd(bench: FaultContext, aim: FaultTarget) -> None:
    """The sessions are in sshd's control group, as the lab's nodes run no logind."""
    _hang(bench, aim.at, SSHD_UNIT)


def wake_sshd(bench: FaultContext, aim: FaultTarget) -> None:
    _wake(bench, aim.at, SSHD_UNIT)


def deny_vip(bench: FaultContext, aim: FaultTarget) -> None:
    """keepalived goes on speaking VRRP, and the kernel refuses it every address."""
    drop_in = f"mkdir -p $(dirname {_denial(bench)}) && cat > {_denial(bench)}"
    bench.must(aim.at, ["sh", "-euc", drop_in], stdin="[Service]\nCapabilityBoundingSet=~CAP_NET_ADMIN\n")
    _reload_and_restart(bench, aim)


def allow_vip(bench: FaultContext, aim: FaultTarget) -> None:
    bench.must(aim.at, ["rm", "-f", _denial(bench)])
    _reload_and_restart(bench, aim)


def revoke_grants(bench: FaultContext, aim: FaultTarget) -> None:
    _sql(bench, [provision.revoke(address) for address in _clients(bench, aim)])


def restore_grants(bench: FaultContext, aim: FaultTarget) -> None:
    _sql(bench, [provision.grant(address) for address in _clients(bench, aim)])


def bind_to_loopback(bench: FaultContext, aim: FaultTarget) -> None:
    _configure(bench, aim, bind="127.0.0.1")


def configure_as_it_was(bench: FaultContext, aim: FaultTarget) -> None:
    _configure(bench, aim)


def misconfigure(bench: FaultContext, aim: FaultTarget) -> None:
    """The service prints how it is used, on stderr, and ends; systemd starts it anew every five seconds."""
    _configure(bench, aim, port="80a80")


def dump_requests(bench: FaultContext, aim: FaultTarget) -> None:
    _configure(bench, aim, dump=True)


def log_debug(bench: FaultContext, aim: FaultTarget) -> None:
    _configure(bench, aim, debug=True)


def expire_certificate(bench: FaultContext, aim: FaultTarget) -> None:
    _issue(bench, aim, keys.CertificateFault.EXPIRED)


def rename_certificate(bench: FaultContext, aim: FaultTarget) -> None:
    _issue(bench, aim, keys.CertificateFault.STRANGE_NAME)


def estrange_certificate(bench: FaultContext, aim: FaultTarget) -> None:
    _issue(bench, aim, keys.CertificateFault.STRANGE_CA)


def restore_certificate(bench: FaultContext, aim: FaultTarget) -> None:
    papers = keys.papers_of(bench.paths, bench.profile).get(aim.at)
    if papers is not None:
        _install(bench, aim, papers)


def _hang(bench: FaultContext, node: str, unit: str) -> None:
    systemctl(bench, node, "kill", "--kill-whom=all", "--signal=SIGSTOP", unit)


def _wake(bench: FaultContext, node: str, unit: str) -> None:
    systemctl(bench, node, "kill", "--kill-whom=all", "--signal=SIGCONT", unit)


def _unit(bench: FaultContext, aim: FaultTarget) -> str:
    """The unit's name; a datastore may be called by its own name in the profile."""
    if aim.unit is None:
        raise UnknownFault("this fault needs a unit", "iamops lab fault --list")
    store = bench.profile.datastores.get(aim.unit)
    return provision.unit_of(store) if store else aim.unit


def _reload_and_restart(bench: FaultContext, aim: FaultTarget) -> None:
    systemctl(bench, aim.at, "daemon-reload")
    systemctl(bench, aim.at, "restart", bench.profile.keepalived.unit)


def _denial(bench: FaultContext) -> str:
    return f"/etc/systemd/system/{bench.profile.keepalived.unit}.service.d/lab-denied.conf"


def _clients(bench: FaultContext, aim: FaultTarget) -> tuple[str, ...]:
    """The addresses meant: one node's, or those of all nodes that reach MariaDB over the network."""
    if aim.node is not None:
        return (bench.node(aim.node).node.address,)
    return provision.clients_of(bench.profile, _mariadb(bench))


def _sql(bench: FaultContext, statements: Sequence[str]) -> None:
    node = _mariadb(bench).node
    bench.must(node, ["mariadb"], stdin="\n".join([*statements, "FLUSH PRIVILEGES;"]))


def _mariadb(bench: FaultContext) -> Datastore:
    store = provision.first(bench.profile, DatastoreKind.MARIADB)
    if store is None:
        raise UnknownFault("the profile has no MariaDB", "add one under datastores")
    return store


def _configure(bench: FaultContext, aim: FaultTarget, **changes: object) -> None:
    """Writes the stand-in's configuration anew, and starts it anew; that it cannot start may be what is wanted."""
    unit = _unit(bench, aim)
    service = next((s for s in bench.profile.services.values() if s.unit == unit), None)
    if service is None:
        known = ", ".join(s.unit for s in bench.profile.services.values())
        raise UnknownFault(f"{unit} is no IAM service", f"services: {known}")
    config = provision.service_config(bench.profile, _node(bench, aim), service, **changes)
    bench.must(aim.at, ["sh", "-euc", f"cat > {config.path}"], stdin=config.content)
    systemctl(bench, aim.at, "restart", unit)


def _issue(bench: FaultContext, aim: FaultTarget, kind: keys.CertificateFault) -> None:
    _install(bench, aim, keys.issue(bench.paths, bench.profile, _node(bench, aim), kind))


def _install(bench: FaultContext, aim: FaultTarget, papers: keys.Papers) -> None:
    """Puts a certificate in place, and starts anew whoever shows one."""
    for path, content in ((keys.CERT, papers.certificate), (keys.KEY, papers.key)):
        bench.must(aim.at, ["sh", "-euc", f"cat > {path}"], stdin=content)
    services = bench.profile.tls_ports_on(aim.at).values()
    units = dict.fromkeys(service.unit for service in services)
    if not units:
        raise UnknownFault("the profile has no TLS ports", "add tls_ports to a service")
    systemctl(bench, aim.at, "restart", *units)


def _node(bench: FaultContext, aim: FaultTarget) -> Node:
    return bench.node(aim.at).node


# Faults on the disk: full, or with files that are not what was rendered.

FILLER = "/var/tmp/iamops-lab-filler"  # noqa: S108 - on the node, made and removed by root
LEFT_TO_WRITE = 16 << 20
BROKEN_NGINX_CONFIG = "/etc/nginx/conf.d/zz-lab-broken.conf"
BROKEN_UPSTREAM = "upstream lab-broken {\n    server 127.0.0.1:8080\n}\n"
SAVED = ".before-fault"


def fill_disk(bench: FaultContext, aim: FaultTarget) -> None:
    """Takes every free block. The disk is a bounded image file that stays sparse: nothing else fills."""
    free = int(bench.must(aim.at, ["df", "--output=avail", "--block-size=1", "/"]).split()[-1])
    if free > LEFT_TO_WRITE:
        bench.must(aim.at, ["fallocate", "--length", str(free - LEFT_TO_WRITE), FILLER])
    # fallocate needs blocks of its own and cannot use the very last ones; a writer can.
    bench.must(aim.at, ["sh", "-c", f"cat /dev/zero >> {FILLER}.rest 2>/dev/null || :"])


def empty_disk(bench: FaultContext, aim: FaultTarget) -> None:
    bench.must(aim.at, ["rm", "-f", FILLER, f"{FILLER}.rest"])


def change_keepalived_config(bench: FaultContext, aim: FaultTarget) -> None:
    """The priority on the disk becomes 77; the running daemon keeps its own."""
    script = f"[ -e {KEEPALIVED_CONF}{SAVED} ] || cp -p {KEEPALIVED_CONF} {KEEPALIVED_CONF}{SAVED}"
    bench.must(aim.at, ["sh", "-euc", script])
    bench.must(aim.at, ["sed", "-i", "-E", r"s/^(\s*priority\s+)[0-9]+/\177/", KEEPALIVED_CONF])


def restore_keepalived_config(bench: FaultContext, aim: FaultTarget) -> None:
    saved = KEEPALIVED_CONF + SAVED
    bench.must(aim.at, ["sh", "-euc", f"[ ! -e {saved} ] || mv -f {saved} {KEEPALIVED_CONF}"])


def break_nginx_config(bench: FaultContext, aim: FaultTarget) -> None:
    bench.must(aim.at, ["sh", "-euc", f"cat > {BROKEN_NGINX_CONFIG}"], stdin=BROKEN_UPSTREAM)


def restore_nginx_config(bench: FaultContext, aim: FaultTarget) -> None:
    bench.must(aim.at, ["rm", "-f", BROKEN_NGINX_CONFIG])
