"""Certificates as they are sent: what they say, for whom they are, and what is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from console.model.certificate import Certificate
from console.parse.certificate import BYTES_MAX, NAMES_MAX, CertificateUnreadable, certificate_of
from console.parse.clock_words import day_of

DER = Path(__file__).parents[2] / "fixtures" / "x509"


def named(*names: str) -> Certificate:
    return Certificate("CN=it", "CN=ca", 0.0, 1.0, names)


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


def test_of_the_names_the_first_are_taken():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "many")])
    names = x509.SubjectAlternativeName([x509.DNSName(f"n{number}.example") for number in range(NAMES_MAX + 50)])
    day = datetime(2026, 11, 29, tzinfo=UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, day, day + timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    assert certificate_of(built.public_bytes(Encoding.DER)).names[-1] == f"n{NAMES_MAX - 1}.example"


def test_a_name_fits_as_clients_compare_it():
    assert named("iam.example").is_for("IAM.example.")
    assert named("*.example").is_for("iam.example")
    assert named("10.0.4.20").is_for("10.0.4.20")
    assert named("fd00:0::1").is_for("fd00::1")
    assert named("localhost").is_for("localhost")
    for names, wanted in (
        (("*.example",), "a.b.example"),
        (("*.example",), "example"),
        (("iam.example",), "api.example"),
        (("*",), "10.0.4.20"),
        (("*.0.4.20",), "10.0.4.20"),
        ((), "iam.example"),
    ):
        assert not named(*names).is_for(wanted), (names, wanted)


def test_a_day_beyond_every_calendar_is_said_in_words():
    assert day_of(0.0) == "1970-01-01"
    assert day_of(1e18) == "a day beyond the calendar"
