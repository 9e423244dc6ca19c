"""X.509 in DER -> what it says of itself. `cryptography` reads it, as asyncssh has it do. Pure."""

from __future__ import annotations

import re

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from iamops.model.facts import Certificate
from iamops.redact.clean import clean_text

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
