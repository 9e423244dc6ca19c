"""Turns what the network and asyncssh raise into TransportErrors: node, reason, next step. No I/O."""

from __future__ import annotations

import errno
import shlex
import socket
from dataclasses import dataclass
from enum import IntEnum

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
from iamops.redact.clean import words, words_of


class OpenFailure(IntEnum):
    """Why a peer did not open a channel: RFC 4254 section 5.1."""

    PROHIBITED = 1
    CONNECT_FAILED = 2
    UNKNOWN_TYPE = 3
    SHORTAGE = 4


SHELL_STEP = "on {node}: the login shell of the SSH user (getent passwd), and ForceCommand in sshd_config"
RECONNECTS = "nothing to do: the console connects again by itself"


@dataclass(frozen=True, slots=True)
class Remote:
    """Who is being talked to. `hop` names the jump host when it is not yet the node itself."""

    node: str
    host: str
    port: int
    user: str
    hop: str | None = None

    def says(self, reason: str) -> str:
        return f"jump host {self.hop}: {reason}" if self.hop else reason

    @property
    def door(self) -> str:
        return f"{self.host} port {self.port}"

    @property
    def by_hand(self) -> str:
        """The command that tries the same with OpenSSH's own client."""
        port = "" if self.port == 22 else f"-p {self.port} "
        return f"ssh {port}{self.user}@{self.host}"


def dial_failed(place: Remote, error: OSError) -> TransportError:
    """The TCP connection was not made."""
    if isinstance(error, NamespaceMissing):
        return Unreachable(place.node, "the lab is not up", "iamops lab up")
    if isinstance(error, NamespaceForbidden):
        return Unreachable(place.node, str(error.strerror), "run iamops as root: the lab needs it")
    if isinstance(error, socket.gaierror):
        reason = place.says(f"the name {place.host} cannot be resolved ({error.strerror})")
        return Unreachable(place.node, reason, f"correct ssh.host in the profile, or: getent hosts {place.host}")
    if isinstance(error, TimeoutError):
        return dial_timed_out(place, None)
    if isinstance(error, ConnectionRefusedError):
        return _refused(place)
    reason = place.says(f"no way to {place.door}: {_strerror(error)}")
    return Unreachable(place.node, reason, f"ip route get {place.host}")


def dial_timed_out(place: Remote, timeout_s: float | None) -> ConnectTimeout:
    within = f" within {timeout_s:g} s" if timeout_s else ""
    reason = place.says(f"no answer from {place.door}{within}")
    return ConnectTimeout(place.node, reason, "is the machine on? a firewall may drop the packets")


def login_timed_out(place: Remote, timeout_s: float) -> ConnectTimeout:
    reason = place.says(f"{place.door} accepts, but no login within {timeout_s:g} s: sshd hangs or is overloaded")
    return ConnectTimeout(place.node, reason, f"look at the machine's own console, or try: {place.by_hand}")


def hop_failed(place: Remote, hop: str, error: asyncssh.ChannelOpenError) -> TransportError:
    """The jump host is there, but did not reach the next machine."""
    if error.code == OpenFailure.PROHIBITED:
        reason = f"jump host {hop} does not allow forwarding to {place.door}"
        return ForwardingForbidden(place.node, reason, f"AllowTcpForwarding yes in sshd_config of {hop}")
    if "refused" in error.reason.lower():
        return _refused(place)
    reason = f"jump host {hop} cannot reach {place.door}: {words(error.reason, 120)}"
    return Unreachable(place.node, reason, f"from {hop}: ip route get {place.host}")


def host_key_refused(
    place: Remote, settings: SshSettings, known: KnownKeys, key: asyncssh.SSHKey | None, error: Exception
) -> TransportError:
    """The host key that was presented is not to be trusted. `error` is asyncssh's word on certificates."""
    if key is None:
        reason = place.says(f"its host certificate is not accepted: {words(str(error), 160)}")
        return HostKeyUnknown(place.node, reason, f"look at the certificate by hand: {place.by_hand}")
    presented = HostKey.of(key)
    match known.standing(key):
        case KeyTrust.REVOKED:
            reason = place.says(f"its host key {presented} is marked @revoked: do not log in")
            return HostKeyChanged(place.node, reason, "ask who revoked it; the machine needs a new host key")
        case KeyTrust.CHANGED:
            return _changed(place, settings, known, presented)
        case _:
            trust = f"accept its key by hand: {place.by_hand}" if place.hop else f"iamops trust {place.node}"
            return HostKeyUnknown(place.node, place.says(f"its host key is not known: {presented}"), trust)


def _changed(place: Remote, settings: SshSettings, known: KnownKeys, presented: HostKey) -> HostKeyChanged:
    expected = ", ".join(str(HostKey.of(key)) for key in known.keys)
    lines = standing_lines(settings.known_hosts, settings.known_as, settings.port)
    filed = ", ".join(f"{file}:{number}" for file, number in lines) or "known_hosts"
    reason = (
        f"ITS HOST KEY HAS CHANGED: expected {expected} ({filed}), but it presented {presented}. "
        "Either the machine was reinstalled, or someone stands in the middle"
    )
    file = f" -f {shlex.quote(str(lines[0][0]))}" if lines else ""
    forget = f"ssh-keygen -R {shlex.quote(entry_name(settings.known_as, settings.port))}{file}"
    again = place.by_hand if place.hop else f"iamops trust {place.node}"
    return HostKeyChanged(
        place.node, place.says(reason), f"only if you know why it changed: {forget}, then {again}"
    )


def login_failed(place: Remote, error: Exception, tried: str) -> TransportError:
    """Connected, but not logged in. `tried` says which keys were offered."""
    said = words(str(error), 160)
    if isinstance(error, asyncssh.PermissionDenied) or "authentication failures" in said:
        reason = place.says(f"login as {place.user} was refused; {tried}")
        return AuthFailed(place.node, reason, f"try: {place.by_hand}  (a key of an agent: ssh-add)")
    if isinstance(error, asyncssh.KeyExchangeFailed):
        reason = place.says(f"nothing in common with {place.door}: {said}")
        return HandshakeFailed(place.node, reason, f"try: {place.by_hand}")
    if isinstance(error, (asyncssh.ConnectionLost, ConnectionError)):
        reason = place.says(f"{place.door} closed the connection during login")
        return HandshakeFailed(place.node, reason, f"see MaxStartups and the log of sshd, or try: {place.by_hand}")
    reason = place.says(f"{place.door} does not speak SSH as expected: {said}")
    return HandshakeFailed(place.node, reason, f"correct ssh.port in the profile, or try: {place.by_hand}")


def lost(node: str, error: Exception | None) -> TransportError:
    """Why a living connection ended."""
    if isinstance(error, asyncssh.ConnectionLost) and "keepalive" in error.reason:
        return PeerHung(node, "connected, but nothing comes any more: the node or its sshd hangs", RECONNECTS)
    said = f": {words(str(error), 160)}" if error is not None and str(error) else ""
    return LinkLost(node, f"the connection was closed{said}", RECONNECTS)


def channel_refused(node: str, error: asyncssh.ChannelOpenError) -> ChannelRefused:
    reason = f"sshd opens no further session: {words(error.reason, 120)}"
    return ChannelRefused(node, reason, "MaxSessions 10 (the default) in sshd_config is enough")


def ran_nothing(node: str, noise: bytes, exit_status: int | None) -> NothingRan:
    """The channel closed and the command never began."""
    printed = f"printed '{words_of(noise.strip(), 120)}' and ran" if noise.strip() else "ran"
    ended = "" if exit_status is None else f" (exit {exit_status})"
    return NothingRan(node, f"the login shell of {node} {printed} nothing{ended}", SHELL_STEP.format(node=node))


def cut_short(node: str, command: str, stderr: bytes) -> NothingRan:
    """The command began, and its shell ended before it could tell how the command did."""
    said = f": {words_of(stderr.strip()[-160:], 160)}" if stderr.strip() else ""
    step = "its outcome is unknown: look before trying again"
    return NothingRan(node, f"`{command}` was ended from outside on {node}{said}", step)


def not_begun(node: str, timeout_s: float, noise: bytes) -> CommandTimeout:
    """The session is open and nothing of the command has come."""
    printed = f"printed '{words_of(noise.strip(), 120)}' and " if noise.strip() else ""
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


def connect_failed(node: str, target: str, said: str) -> ConnectFailed:
    """The node reached no service there; the text is what its kernel or resolver said."""
    refused = "refused" in said.lower()
    step = (
        f"is the service at {target} running?"
        if refused
        else f"on {node}: ip route get {target.rpartition(':')[0]}"
    )
    return ConnectFailed(node, f"{target} from {node}: {words(said, 120)}", step, refused=refused)


def _refused(place: Remote) -> ConnectRefused:
    reason = place.says(f"{place.door} refused the connection: nothing listens there")
    return ConnectRefused(place.node, reason, "start sshd on the machine, or correct ssh.port in the profile")


def _strerror(error: OSError) -> str:
    return error.strerror or (errno.errorcode.get(error.errno, "") if error.errno else "") or str(error)
