"""What ports answer: what to say to a datastore and what its answer means; certificates. Pure."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from iamops.model.facts import Certificate, ProbeOutcome
from iamops.redact.clean import clean_bytes, clean_text

LOCKED = "asks for a password"
REDIS_PING = b"*1\r\n$4\r\nPING\r\n"
_HELLO_BSON = (
    b"\x10hello\x00\x01\x00\x00\x00"  # int32 hello: 1
    b"\x02$db\x00\x06\x00\x00\x00admin\x00"  # string $db: "admin"
)
_OP_MSG = 2013
# ER_HOST_NOT_PRIVILEGED, ER_HOST_IS_BLOCKED, ER_CON_COUNT_ERROR.
_MARIADB_ERRORS = {
    1130: ProbeOutcome.HOST_NOT_ALLOWED,
    1129: ProbeOutcome.HOST_NOT_ALLOWED,
    1040: ProbeOutcome.TOO_MANY_CONNECTIONS,
}
_REDIS_REFUSALS = {
    b"-MISCONF": ProbeOutcome.WRITE_ERRORS,
    b"-ERR max number of clients": ProbeOutcome.TOO_MANY_CONNECTIONS,
    b"-DENIED": ProbeOutcome.HOST_NOT_ALLOWED,
}


@dataclass(frozen=True, slots=True)
class Greeting:
    """The outcome of a greeting; `detail` is sanitised."""

    outcome: ProbeOutcome
    detail: str = ""


def mongodb_hello() -> bytes:
    """An OP_MSG `hello` against admin (MongoDB wire protocol; no authentication needed)."""
    document = struct.pack("<i", len(_HELLO_BSON) + 5) + _HELLO_BSON + b"\x00"
    body = struct.pack("<I", 0) + b"\x00" + document
    return struct.pack("<iiii", 16 + len(body), 1, 0, _OP_MSG) + body


def mariadb_packet_size(header: bytes) -> int:
    """The payload length that a 4-byte MySQL packet header announces."""
    return int.from_bytes(header[:3], "little")


def mariadb_greeting(payload: bytes) -> Greeting:
    """The first packet of a MariaDB server: a handshake (protocol 10) or an error packet."""
    if payload[:1] == b"\x0a":
        version = payload[1:].split(b"\x00", 1)[0]
        return Greeting(ProbeOutcome.OK, clean_bytes(version, 60))
    if payload[:1] != b"\xff" or len(payload) < 3:
        return Greeting(ProbeOutcome.BAD_ANSWER, "not a MariaDB greeting")
    code = int.from_bytes(payload[1:3], "little")
    outcome = _MARIADB_ERRORS.get(code, ProbeOutcome.BAD_ANSWER)
    return Greeting(outcome, f"error {code}: {clean_bytes(payload[3:], 160)}")


def mariadb_quit() -> bytes:
    """A login as nobody, which the server refuses, ending the handshake it began.

    Hanging up after the greeting would count as a handshake error, and after max_connect_errors of
    them (100 by default) MariaDB blocks the whole host: a health check must not do that. A refused
    login does not count.
    """
    # CLIENT_LONG_PASSWORD | PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH
    capabilities = 0x1 | 0x200 | 0x8000 | 0x80000
    payload = struct.pack("<IIB23x", capabilities, 1 << 16, 45)
    payload += b"iamops-probe\x00" + b"\x00" + b"mysql_native_password\x00"
    return len(payload).to_bytes(3, "little") + b"\x01" + payload


def redis_answer(line: bytes) -> Greeting:
    """PONG, or NOAUTH: a server that asks for a password is there and answers.

    MISCONF: it cannot save to its disk and therefore refuses writes; it answers PING with that too.
    """
    if line.startswith((b"+PONG", b"-NOAUTH")):
        return Greeting(ProbeOutcome.OK, "" if line.startswith(b"+") else LOCKED)
    for refusal, outcome in _REDIS_REFUSALS.items():
        if line.startswith(refusal):
            return Greeting(outcome, clean_bytes(line[1:].strip(), 160))
    return Greeting(ProbeOutcome.BAD_ANSWER, clean_bytes(line.strip(), 160) or "empty answer")


def mongodb_answer(message: bytes) -> Greeting:
    """An OP_MSG whose document says ok: 1 (a double, as MongoDB sends it, or an int32)."""
    if len(message) < 21 or struct.unpack_from("<i", message, 12)[0] != _OP_MSG:
        return Greeting(ProbeOutcome.BAD_ANSWER, "not a MongoDB answer")
    if b"\x01ok\x00" + struct.pack("<d", 1.0) in message or b"\x10ok\x00\x01\x00\x00\x00" in message:
        return Greeting(ProbeOutcome.OK)
    return Greeting(ProbeOutcome.BAD_ANSWER, "hello was refused")


# More is no certificate of a server, and OpenSSL takes no longer chain.
BYTES_MAX = 100_000
NAME_SHOWN = 160
NAMES_SHOWN = 4
# What a name of a machine can be: nothing else can be what anybody asks for.
_HOST = re.compile(r"[A-Za-z0-9_*.:-]{1,253}")


class CertificateUnreadable(ValueError):
    """It is no certificate, or one that says what nobody can read."""


def certificate_of(der: bytes) -> Certificate:
    """Raises CertificateUnreadable."""
    if len(der) > BYTES_MAX:
        raise CertificateUnreadable(f"a certificate of more than {BYTES_MAX:,} bytes")
    try:
        read = x509.load_der_x509_certificate(der)
        names = _names(read)
        more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
        return Certificate(
            clean_text(read.subject.rfc4514_string(), NAME_SHOWN),
            clean_text(read.issuer.rfc4514_string(), NAME_SHOWN),
            read.not_valid_before_utc.timestamp(),
            read.not_valid_after_utc.timestamp(),
            tuple(name for name in names if _HOST.fullmatch(name)),
            ", ".join(clean_text(name, NAME_SHOWN) for name in names[:NAMES_SHOWN]) + more or "no name",
        )
    except (ValueError, TypeError, OverflowError, UnsupportedAlgorithm) as error:
        raise CertificateUnreadable(f"not a certificate: {clean_text(str(error), 80)}") from None


def _names(read: x509.Certificate) -> list[str]:
    """A certificate without alternative names is for none: since RFC 6125 nobody looks at the common name."""
    try:
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension):
        return []
    dns = names.get_values_for_type(x509.DNSName)
    return [*dns, *map(str, names.get_values_for_type(x509.IPAddress))]
