"""Private keys in PEM form, whole or cut by the end of a log; certificates are none."""

from __future__ import annotations

import pytest

from iamops.redact.detectors.pem import KIND, spans
from tests.support.secret_spans import taken

BEGIN, END = b"-----BEGIN RSA PRIVATE KEY-----\n", b"-----END RSA PRIVATE KEY-----\n"
FIRST, SECOND = b"MIIEpAIBAAKCAQEA1c7", b"q83vEjRWeJASNFZ4"


def test_every_line_of_a_key_is_taken_and_its_marks_stay():
    assert taken(spans, BEGIN + FIRST + b"\n" + SECOND + b"\n" + END) == {(KIND, FIRST), (KIND, SECOND)}


def test_a_key_behind_a_journals_prefix_leaves_the_prefix():
    lines = (b"Nov 24 iam-a cat[7]: " + each for each in (BEGIN, FIRST + b"\n", END))
    assert taken(spans, b"".join(lines)) == {(KIND, FIRST)}


def test_a_key_whose_beginning_was_cut_off_is_taken_up_to_its_end():
    assert taken(spans, FIRST + b"\nq83v\n" + END + b"started\n") == {(KIND, FIRST), (KIND, b"q83v")}


def test_behind_a_key_that_was_cut_off_the_log_goes_on():
    assert taken(spans, BEGIN + FIRST + b"\nnginx: started ok\n") == {(KIND, FIRST)}


def test_of_a_key_of_putty_only_as_many_lines_as_it_says_are_private():
    key = b"Public-Lines: 1\nAAAAB3NzaC1yc2E\nPrivate-Lines: 2\nAAABAQCx1\nAAABAQCx2\nPrivate-MAC: 12\n"
    assert taken(spans, key) == {(KIND, b"AAABAQCx1"), (KIND, b"AAABAQCx2")}


def test_a_key_on_one_line_ends_with_its_end():
    text = b"-----BEGIN PRIVATE KEY-----MIIEpAIBAAKCAQEA1c7-----END PRIVATE KEY----- next"
    assert taken(spans, text) == {(KIND, b"MIIEpAIBAAKCAQEA1c7")}


@pytest.mark.parametrize(
    "text",
    [b"-----BEGIN CERTIFICATE-----\nMIIEpAIBAAKCAQEA1c7\n-----END CERTIFICATE-----\n", b"no private key here"],
)
def test_what_is_no_private_key_stays(text: bytes):
    assert taken(spans, text) == set()
