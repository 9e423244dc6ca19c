"""Turns the errors of the network and of asyncssh into TransportErrors: node, reason, next step. No I/O."""

from __future__ import annotations

import errno
import shlex
import socket
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

import asyncssh

from iamops.nodes.netns import NamespaceForbidden, NamespaceMissing
from iamops.nodes.ssh.host_keys import HostKey, KeyTrust, KnownKeys, entry_name, standing_lines
from iamops.nodes.ssh.settings import SshSettings
from iamops.nodes.transport import (
    AuthFailed,
    ChannelRefused,
    CommandTimeout,
    ConnectFailed,
    ConnectRefused,
    ConnectTimeout,
    ForwardingForbidden,
    HandshakeFailed,
    HostKeyChanged,
    HostKeyUnknown,
    LinkLost,
    NothingRan,
    PeerHung,
    TransportError,
    Unreachable,
)
from iamops.redact.clean import clean_bytes, clean_text

E = TypeVar("E", bound=TransportError)


class OpenFailure(IntEnum):
    """Why a peer did not open a channel: RFC 4254 section 5.1."""

    PROHIBITED = 1
    CONNECT_FAILED = 2
    UNKNOWN_TYPE = 3
    SHORTAGE = 4


SHELL_STEP = "on {node}: the login shell of the SSH user (getent passwd), and ForceCommand in sshd_config"
RECONNECTS = "nothing to do: the console connects again by itself"
OUTCOME_UNKNOWN = "its outcome is unknown: look before trying again"


@dataclass(frozen=True, slots=True)
class Remote:
    """The machine at the other end. `hop` names the jump host when it is not yet the node itself."""

    node: str
    host: str
    port: int
    user: str
    hop: str | None = None

    def error(self, kind: type[E], reason: str, next_step: str) -> E:
        return kind(self.node, f"jump host {self.hop}: {reason}" if self.hop else reason, next_step)

    @property
    def endpoint(self) -> str:
        return f"{self.host} port {self.port}"

    @property
    def by_hand(self) -> str:
        """The command that tries the same with OpenSSH's own client."""
        port = "" if self.port == 22 else f"-p {self.port} "
        return f"ssh {port}{self.user}@{self.host}"


def dial_failed(remote: Remote, error: OSError) -> TransportError:
    """The TCP connection was not made."""
    match error:
        case NamespaceMissing():
            return Unreachable(remote.node, "the lab is not up", "iamops lab up")
        case NamespaceForbidden():
            return Unreachable(remote.node, str(error.strerror), "run iamops as root: the lab needs it")
        case socket.gaierror():
            reason = f"the name {remote.host} cannot be resolved ({error.strerror})"
            step = f"correct ssh.host in the profile, or: getent hosts {remote.host}"
            return remote.error(Unreachable, reason, step)
        case TimeoutError():
            return dial_timed_out(remote, None)
        case ConnectionRefusedError():
            return _refused(remote)
    why = error.strerror or (errno.errorcode.get(error.errno, "") if error.errno else "") or str(error)
    return remote.error(Unreachable, f"no way to {remote.endpoint}: {why}", f"ip route get {remote.host}")


def dial_timed_out(remote: Remote, timeout_s: float | None) -> ConnectTimeout:
    within = f" within {timeout_s:g} s" if timeout_s else ""
    step = "is the machine on? a firewall may drop the packets"
    return remote.error(ConnectTimeout, f"no answer from {remote.endpoint}{within}", step)


def login_timed_out(remote: Remote, timeout_s: float) -> ConnectTimeout:
    reason = f"{remote.endpoint} accepts, but no login within {timeout_s:g} s: sshd hangs or is overloaded"
    return remote.error(ConnectTimeout, reason, f"look at the machine's own console, or try: {remote.by_hand}")


def hop_failed(remote: Remote, hop: str, error: asyncssh.ChannelOpenError) -> TransportError:
    """The jump host is there, but did not reach the next machine."""
    if error.code == OpenFailure.PROHIBITED:
        reason = f"jump host {hop} does not allow forwarding to {remote.endpoint}"
        return ForwardingForbidden(remote.node, reason, f"AllowTcpForwarding yes in sshd_config of {hop}")
    if "refused" in error.reason.lower():
        return _refused(remote)
    reason = f"jump host {hop} cannot reach {remote.endpoint}: {clean_text(error.reason, 120)}"
    return Unreachable(remote.node, reason, f"from {hop}: ip route get {remote.host}")


def host_key_refused(
    remote: Remote, settings: SshSettings, known: KnownKeys, key: asyncssh.SSHKey | None, error: Exception
) -> TransportError:
    """The presented host key is not trusted. `error` is asyncssh's verdict on certificates."""
    if key is None:
        reason = f"its host certificate is not accepted: {clean_text(str(error), 160)}"
        return remote.error(HostKeyUnknown, reason, f"look at the certificate by hand: {remote.by_hand}")
    presented = HostKey.of(key)
    match known.standing(key):
        case KeyTrust.REVOKED:
            reason = f"its host key {presented} is marked @revoked: do not log in"
            return remote.error(HostKeyChanged, reason, "ask who revoked it; the machine needs a new host key")
        case KeyTrust.CHANGED:
            return _changed(remote, settings, known, presented)
        case _:
            trust = f"accept its key by hand: {remote.by_hand}" if remote.hop else f"iamops trust {remote.node}"
            return remote.error(HostKeyUnknown, f"its host key is not known: {presented}", trust)


def _changed(remote: Remote, settings: SshSettings, known: KnownKeys, presented: HostKey) -> HostKeyChanged:
    expected = ", ".join(str(HostKey.of(key)) for key in known.keys)
    lines = standing_lines(settings.known_hosts, settings.known_as, settings.port)
    filed = ", ".join(f"{file}:{number}" for file, number in lines) or "known_hosts"
    reason = (
        f"ITS HOST KEY HAS CHANGED: expected {expected} ({filed}), but it presented {presented}. "
        "Either the machine was reinstalled, or someone stands in the middle"
    )
    file = f" -f {shlex.quote(str(lines[0][0]))}" if lines else ""
    forget = f"ssh-keygen -R {shlex.quote(entry_name(settings.known_as, settings.port))}{file}"
    again = remote.by_hand if remote.hop else f"iamops trust {remote.node}"
    return remote.error(HostKeyChanged, reason, f"only if you know why it changed: {forget}, then {again}")


def login_failed(remote: Remote, error: Exception, tried: str) -> TransportError:
    """Connected, but not logged in. `tried` says which keys were offered."""
    endpoint, by_hand, message = remote.endpoint, f"try: {remote.by_hand}", clean_text(str(error), 160)
    if isinstance(error, asyncssh.PermissionDenied) or "authentication failures" in message:
        reason = f"login as {remote.user} was refused; {tried}"
        return remote.error(AuthFailed, reason, f"{by_hand}  (a key of an agent: ssh-add)")
    if isinstance(error, asyncssh.KeyExchangeFailed):
        return remote.error(HandshakeFailed, f"nothing in common with {endpoint}: {message}", by_hand)
    if isinstance(error, (asyncssh.ConnectionLost, ConnectionError)):
        reason, step = f"{endpoint} closed the connection during login", "see MaxStartups and the log of sshd"
    else:
        reason, step = f"{endpoint} does not speak SSH as expected: {message}", "correct ssh.port in the profile"
    return remote.error(HandshakeFailed, reason, f"{step}, or {by_hand}")


def lost(node: str, error: Exception | None) -> TransportError:
    """Why a living connection ended."""
    if isinstance(error, asyncssh.ConnectionLost) and "keepalive" in error.reason:
        return PeerHung(node, "connected, but nothing comes any more: the node or its sshd hangs", RECONNECTS)
    message = f": {clean_text(str(error), 160)}" if error is not None and str(error) else ""
    return LinkLost(node, f"the connection was closed{message}", RECONNECTS)


def channel_refused(node: str, error: asyncssh.ChannelOpenError) -> ChannelRefused:
    reason = f"sshd opens no further session: {clean_text(error.reason, 120)}"
    return ChannelRefused(node, reason, "MaxSessions 10 (the default) in sshd_config is enough")


def ran_nothing(node: str, noise: bytes, exit_status: int | None) -> NothingRan:
    """The channel closed and the command never began."""
    printed = f"printed '{clean_bytes(noise.strip(), 120)}' and ran" if noise.strip() else "ran"
    ended = "" if exit_status is None else f" (exit {exit_status})"
    return NothingRan(node, f"the login shell of {node} {printed} nothing{ended}", SHELL_STEP.format(node=node))


def cut_short(node: str, command: str, stderr: bytes) -> NothingRan:
    """The command began, and its shell ended before it could report the command's end."""
    message = f": {clean_bytes(stderr.strip()[-160:], 160)}" if stderr.strip() else ""
    return NothingRan(node, f"`{command}` was ended from outside on {node}{message}", OUTCOME_UNKNOWN)


def not_begun(node: str, timeout_s: float, noise: bytes) -> CommandTimeout:
    """The session is open and nothing of the command has come."""
    printed = f"printed '{clean_bytes(noise.strip(), 120)}' and " if noise.strip() else ""
    reason = f"the login shell of {node} {printed}ran nothing within {timeout_s:g} s"
    return CommandTimeout(node, reason, f"is its login slow (~/.bashrc, PAM)? time ssh {node} true")


def forward_failed(node: str, target: str, error: asyncssh.ChannelOpenError) -> TransportError:
    """A direct-tcpip channel was not opened (RFC 4254 section 5.1 for the codes)."""
    match error.code:
        case OpenFailure.PROHIBITED | OpenFailure.UNKNOWN_TYPE:
            return ForwardingForbidden(
                node, f"sshd does not forward to {target}", "AllowTcpForwarding local in sshd_config"
            )
        case OpenFailure.CONNECT_FAILED:
            return connect_failed(node, target, error.reason)
        case _:
            return channel_refused(node, error)


def connect_failed(node: str, target: str, message: str) -> ConnectFailed:
    """The node reached no service there; the message is its kernel's or resolver's."""
    refused, step = "refused" in message.lower(), f"is the service at {target} running?"
    if not refused:
        step = f"on {node}: ip route get {target.rpartition(':')[0]}"
    return ConnectFailed(node, f"{target} from {node}: {clean_text(message, 120)}", step, refused=refused)


def _refused(remote: Remote) -> ConnectRefused:
    reason = f"{remote.endpoint} refused the connection: nothing listens there"
    return remote.error(ConnectRefused, reason, "start sshd on the machine, or correct ssh.port in the profile")
