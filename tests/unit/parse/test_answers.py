"""What ports answer: certificates as they are sent, and what is said to a datastore."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from iamops.model.facts import Certificate
from iamops.parse import answers
from iamops.parse.answers import BYTES_MAX, NAMES_SHOWN, CertificateUnreadable, certificate_of

KEY = ec.generate_private_key(ec.SECP256R1())
DER = Path(__file__).parents[2] / "fixtures" / "x509"


def test_names_times_and_issuer_are_read():
    read = certificate_of((DER / "good.der").read_bytes())
    assert read.names == (
        "iam.api.marmotedu.com",
        "iam.authz.marmotedu.com",
        "iam-a",
        "localhost",
        "10.0.4.20",
        "127.0.0.1",
    )
    assert read.issuer == "CN=CA of the iamops lab"
    assert round((read.not_after - read.not_before) / 86400) == 398
    assert certificate_of((DER / "ca.der").read_bytes()).names == ()


def test_what_is_no_certificate_or_too_long_is_said_to_be_none():
    for der in (b"", b"\x30\x82", b"x" * 100, b"0" * (BYTES_MAX + 1), (DER / "good.der").read_bytes()[:-20]):
        with pytest.raises(CertificateUnreadable):
            certificate_of(der)


def for_names(*names: str) -> Certificate:
    """As it is read from one that is for these DNS names."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "many")])
    day = datetime(2026, 11, 29, tzinfo=UTC)
    built = (
        x509.CertificateBuilder(name, name, KEY.public_key(), 1, day, day + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        .sign(KEY, hashes.SHA256())
    )
    return certificate_of(built.public_bytes(Encoding.DER))


def test_of_many_names_the_first_are_shown_and_all_are_compared():
    read = for_names(*(f"n{number}.example" for number in range(1000)), "iam.example")
    assert read.shown.endswith(f"n{NAMES_SHOWN - 1}.example and {1001 - NAMES_SHOWN} more")
    assert read.is_for("iam.example")


def test_names_are_compared_as_they_are_and_shown_without_secrets():
    long = ".".join(["a" * 63] * 3 + ["example"])
    for name in (long, "eyJhbGciOi.example", "AKIAIOSFODNN7EXAMPLE.example", "a_b.example", "*.example"):
        assert for_names(name).is_for(name), name
    odd = for_names("token=hunter2hunter2", "\x1b[2J.example", "x y", "a\nb")
    assert "hunter2" not in odd.shown
    assert odd.shown.isprintable()
    assert odd.names == ()


def test_mongodbs_hello_is_one_well_formed_message():
    message = answers.mongodb_hello()
    size, _, _, opcode = struct.unpack_from("<iiii", message)
    assert (size, opcode) == (len(message), 2013)
    assert struct.unpack_from("<i", message, 21)[0] == len(message) - 21
