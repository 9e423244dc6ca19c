"""The lab's own secrets: the operator's SSH key, host keys, the VRRP password, its CA and certificates."""

from __future__ import annotations

import datetime
import ipaddress
import os
import secrets
import string
from collections.abc import Mapping
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
from iamops.render.files import NodeFile

# keepalived compares eight characters of auth_pass and cuts the rest off (keepalived.conf(5)).
VRRP_SECRET_LENGTH = 8
HOST_KEY = "etc/ssh/ssh_host_ed25519_key"


def operator_key(place: LabPaths) -> str:
    """The operator's public key; the pair is made on first use."""
    if not place.key.exists():
        _generate(place.key, "operator of the iamops lab")
    return place.key.with_suffix(".pub").read_text(encoding="utf-8")


def vrrp_secrets(profile: Profile, place: LabPaths) -> Mapping[str, str]:
    """The password of every VRRP instance that has one: the same for all, made once."""
    if not place.vrrp_secret.exists():
        alphabet = string.ascii_letters + string.digits
        secret = "".join(secrets.choice(alphabet) for _ in range(VRRP_SECRET_LENGTH))
        _write_secret(place.vrrp_secret, secret + "\n")
    secret = place.vrrp_secret.read_text(encoding="utf-8").strip()
    return {name: secret for name, instance in profile.vrrp.items() if instance.auth}


def host_key(root: Path, node: str) -> str:
    """The public host key of the node with this root; the pair is made on first use."""
    path = root / HOST_KEY
    if not path.exists():
        _generate(path, node)
    return path.with_suffix(".pub").read_text(encoding="utf-8")


def known_hosts(host_keys: Mapping[str, str]) -> str:
    """The content of a known_hosts file, from addresses to public keys."""
    lines = (f"{address} {' '.join(key.split()[:2])}\n" for address, key in host_keys.items())
    return "".join(lines)


def _generate(path: Path, comment: str) -> None:
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])


def _write_secret(path: Path, content: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)


# The lab's own CA and its certificates: good, out of date, for others, or of nobody we know.

DIRECTORY = "/etc/iam/tls"
CERT, KEY, CA = f"{DIRECTORY}/server.pem", f"{DIRECTORY}/server.key", f"{DIRECTORY}/ca.pem"
GOOD_FOR = datetime.timedelta(days=397)
CA_GOOD_FOR = datetime.timedelta(days=3650)
DAY = datetime.timedelta(days=1)


class CertificateFault(StrEnum):
    """What is wrong with a certificate."""

    GOOD = "good"
    EXPIRED = "expired"
    STRANGE_NAME = "strange-name"
    STRANGE_CA = "strange-ca"


@dataclass(frozen=True, slots=True)
class Papers:
    """A certificate and its key, PEM."""

    certificate: str
    key: str


def papers_of(place: LabPaths, profile: Profile) -> Mapping[str, Papers]:
    """Each node's, made once; of a profile without TLS ports none."""
    return {n.name: _kept(place, profile, n) for n in profile.nodes.values() if profile.tls_ports_on(n.name)}


def files(papers: Papers, ca: str) -> tuple[NodeFile, ...]:
    """What a node has of them."""
    return (
        NodeFile(CA, ca, group="adm"),
        NodeFile(CERT, papers.certificate, group="adm"),
        NodeFile(KEY, papers.key, mode=0o640, group="adm", secret=True),
    )


def ca_of(place: LabPaths) -> str:
    """The CA's own certificate; it is made on first use."""
    if not place.ca.exists():
        place.ca.parent.mkdir(parents=True, exist_ok=True)
        made = _self_signed("CA of the iamops lab")
        _write(_key_file(place), made.key, 0o600)
        _write(place.ca, made.certificate, 0o644)
    return place.ca.read_text(encoding="ascii")


def issue(place: LabPaths, profile: Profile, node: Node, kind: CertificateFault = CertificateFault.GOOD) -> Papers:
    """A new certificate for a node's services."""
    if kind is CertificateFault.STRANGE_CA:
        authority = _self_signed("a stranger")
    else:
        authority = Papers(ca_of(place), _key_file(place).read_text(encoding="ascii"))
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode()).subject
    signer = serialization.load_pem_private_key(authority.key.encode(), password=None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)  # noqa: S101 - made below
    now = datetime.datetime.now(datetime.UTC)
    begins, ends = (now - 30 * DAY, now - DAY) if kind is CertificateFault.EXPIRED else (now - DAY, now + GOOD_FOR)
    key = ec.generate_private_key(ec.SECP256R1())
    names = ["old.example.invalid"] if kind is CertificateFault.STRANGE_NAME else _names(profile, node)
    built = (
        x509.CertificateBuilder()
        .subject_name(_named(f"iam on {node.name} (iamops lab)"))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )
    return Papers(_pem(built), _key_pem(key))


def _kept(place: LabPaths, profile: Profile, node: Node) -> Papers:
    certificate, key = (place.ca.with_name(f"{node.name}.{end}") for end in ("pem", "key"))
    if not key.exists() or not certificate.exists() or not _is_issued(certificate, ca_of(place)):
        made = issue(place, profile, node)
        _write(key, made.key, 0o600)
        _write(certificate, made.certificate, 0o644)
    return Papers(certificate.read_text(encoding="ascii"), key.read_text(encoding="ascii"))


def _is_issued(certificate: Path, ca: str) -> bool:
    """Whether it is of this CA: a lab that was taken away half-way may have left one of an earlier CA."""
    try:
        issued = x509.load_pem_x509_certificate(certificate.read_bytes())
        issued.verify_directly_issued_by(x509.load_pem_x509_certificate(ca.encode()))
    except (ValueError, InvalidSignature):
        return False
    return True


def _self_signed(name: str) -> Papers:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + CA_GOOD_FOR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Papers(_pem(built), _key_pem(key))


def _names(profile: Profile, node: Node) -> list[str]:
    return [*profile.domains, node.name, "localhost", node.address, "127.0.0.1"]


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain).decode("ascii")


def _key_file(place: LabPaths) -> Path:
    return place.ca.with_suffix(".key")


def _write(path: Path, content: str, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(content)
