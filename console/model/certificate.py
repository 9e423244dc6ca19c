"""What a port's TLS handshake told: its certificate, and whether those who check would take it. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from console.model.facts import ProbeReport


@dataclass(frozen=True, slots=True)
class Certificate:
    """`names`: the DNS names and addresses that it is for, to compare with; `shown`: for people, without secrets.

    Times in epoch seconds.
    """

    subject: str
    issuer: str
    not_before: float
    not_after: float
    names: tuple[str, ...]
    shown: str = "no name"

    def is_for(self, name: str) -> bool:
        """As RFC 6125 has it: a wildcard stands for one whole label, the first; an address only for itself."""
        wanted = _address(name)
        if wanted is not None:
            return any(_address(each) == wanted for each in self.names)
        label, _, rest = name.lower().rstrip(".").partition(".")
        fitting = (f"{label}.{rest}".rstrip("."), f"*.{rest}")
        return any(each.lower().rstrip(".") in fitting for each in self.names)


@dataclass(frozen=True, slots=True)
class TlsReport:
    """A handshake with a port. `probe` tells how it went; `certificate` is what came of it.

    `untrusted`: why the profile's CA does not vouch for it, empty where it does. `unasked`: why nobody asked.
    """

    probe: ProbeReport
    certificate: Certificate | None = None
    untrusted: str = ""
    unasked: str = ""


def _address(name: str) -> str | None:
    try:
        return ipaddress.ip_address(name).compressed
    except ValueError:
        return None
