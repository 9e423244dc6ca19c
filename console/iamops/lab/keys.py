"""The lab's own secrets: the operator's SSH key, host keys, the VRRP password, its CA and certificates."""

from __future__ import annotations

import datetime
import ipaddress
import os
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from iamops.lab.place import LabPaths
from iamops.lab.processes import run
from iamops.model.profile import Node, Profile
from iamops.render.nodefiles import NodeFile

# keepalived compares eight characters of auth_pass and cuts the rest off (keepalived.conf(5)).
VRRP_SECRET_LENGTH = 8
HOST_KEY = "etc/ssh/ssh_host_ed25519_key"


def operator_key(paths: LabPaths) -> str:
    """The operator's public key; the pair is made on first use."""
    if not paths.key.exists():
        _generate(paths.key, "operator of the iamops lab")
    return paths.key.with_suffix(".pub").read_text(encoding="utf-8")


def vrrp_secrets(profile: Profile, paths: LabPaths) -> Mapping[str, str]:
    """The password of every VRRP instance that has one: the same for all, made once."""
    if not paths.vrrp_secret.exists():
        alphabet = string.ascii_letters + string.digits
        secret = "".join(secrets.choice(alphabet) for _ in range(VRRP_SECRET_LENGTH))
        _write(paths.vrrp_secret, secret + "\n", 0o600)
    secret = paths.vrrp_secret.read_text(encoding="utf-8").strip()
    return {name: secret for name, instance in profile.vrrp.items() if instance.auth}


def host_key(root: Path, node: str) -> str:
    """The public host key of the node with this root; the pair is made on first use."""
    path = root / HOST_KEY
    if not path.exists():
        _generate(path, node)
    return path.with_suffix(".pub").read_text(encoding="utf-8")


def known_hosts(host_keys: Mapping[str, str]) -> str:
    """The content of a known_hosts file, from addresses to public keys."""
    return "".join(f"{address} {' '.join(key.split()[:2])}\n" for address, key in host_keys.items())


def _generate(path: Path, comment: str) -> None:
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])


# The lab's own CA and its certificates: good, out of date, for others, or of nobody we know.

DIRECTORY = "/etc/iam/tls"
CERT, KEY, CA = f"{DIRECTORY}/server.pem", f"{DIRECTORY}/server.key", f"{DIRECTORY}/ca.pem"
GOOD_FOR = datetime.timedelta(days=397)
CA_GOOD_FOR = datetime.timedelta(days=3650)
DAY = datetime.timedelta(days=1)


class CertificateFault(StrEnum):
    GOOD = "good"
    EXPIRED = "expired"
    STRANGE_NAME = "strange-name"
    STRANGE_CA = "strange-ca"


@dataclass(frozen=True, slots=True)
class CertificatePair:
    """A certificate and its key, PEM."""

    certificate: str
    key: str


def certificates_of(paths: LabPaths, profile: Profile) -> Mapping[str, CertificatePair]:
    """Each node's, made once; of a profile without TLS ports none."""
    return {n.name: _kept(paths, profile, n) for n in profile.nodes.values() if profile.tls_ports_on(n.name)}


def files(pair: CertificatePair, ca: str) -> tuple[NodeFile, ...]:
    """What a node has of them."""
    return (
        NodeFile(CA, ca, group="adm"),
        NodeFile(CERT, pair.certificate, group="adm"),
        NodeFile(KEY, pair.key, mode=0o640, group="adm", secret=True),
    )


def ca_of(paths: LabPaths) -> str:
    """The CA's own certificate; it is made on first use."""
    if not paths.ca.exists():
        paths.ca.parent.mkdir(parents=True, exist_ok=True)
        made = _signed("CA of the iamops lab", by=None)
        _write(_ca_key(paths), made.key, 0o600)
        _write(paths.ca, made.certificate, 0o644)
    return paths.ca.read_text(encoding="ascii")


def issue(
    paths: LabPaths, profile: Profile, node: Node, kind: CertificateFault = CertificateFault.GOOD
) -> CertificatePair:
    if kind is CertificateFault.STRANGE_CA:
        authority = _signed("a stranger", by=None)
    else:
        authority = CertificatePair(ca_of(paths), _ca_key(paths).read_text(encoding="ascii"))
    names = [*profile.domains, node.name, "localhost", node.address, "127.0.0.1"]
    if kind is CertificateFault.STRANGE_NAME:
        names = ["old.example.invalid"]
    expired = kind is CertificateFault.EXPIRED
    return _signed(f"iam on {node.name} (iamops lab)", by=authority, names=names, expired=expired)


def _kept(paths: LabPaths, profile: Profile, node: Node) -> CertificatePair:
    certificate, key = (paths.ca.with_name(f"{node.name}.{end}") for end in ("pem", "key"))
    if not key.exists() or not certificate.exists() or not _is_issued(certificate, ca_of(paths)):
        made = issue(paths, profile, node)
        _write(key, made.key, 0o600)
        _write(certificate, made.certificate, 0o644)
    return CertificatePair(certificate.read_text(encoding="ascii"), key.read_text(encoding="ascii"))


def _is_issued(certificate: Path, ca: str) -> bool:
    """Whether it is of this CA: a lab that was taken away half-way may have left one of an earlier CA."""
    try:
        issued = x509.load_pem_x509_certificate(certificate.read_bytes())
        issued.verify_directly_issued_by(x509.load_pem_x509_certificate(ca.encode()))
    except (ValueError, InvalidSignature):
        return False
    return True


def _signed(
    name: str, *, by: CertificatePair | None, names: Sequence[str] = (), expired: bool = False
) -> CertificatePair:
    """A certificate for `names`, signed by a CA; without one, a CA's own that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    signer: object = key
    if by is not None:
        issuer = x509.load_pem_x509_certificate(by.certificate.encode()).subject
        signer = serialization.load_pem_private_key(by.key.encode(), password=None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)  # noqa: S101 - made here
    now = datetime.datetime.now(datetime.UTC)
    begins, ends = (
        (now - 30 * DAY, now - DAY) if expired else (now - DAY, now + (CA_GOOD_FOR if by is None else GOOD_FOR))
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=0 if by is None else None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(map(_general, names))), critical=False)
    built = builder.sign(signer, hashes.SHA256())
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return CertificatePair(
        built.public_bytes(serialization.Encoding.PEM).decode("ascii"),
        key.private_bytes(serialization.Encoding.PEM, form, plain).decode("ascii"),
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _ca_key(paths: LabPaths) -> Path:
    return paths.ca.with_suffix(".key")


def _write(path: Path, content: str, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(content)
