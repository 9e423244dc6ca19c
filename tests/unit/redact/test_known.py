"""Secrets known beforehand are found in every form, and do not show themselves."""

from __future__ import annotations

import base64

import pytest

from iamops.redact.known import KnownSecrets
from iamops.redact.redact import redact


@pytest.mark.parametrize("secret", ["s3cr3t/Pw+!", "ktpJ0wk1", "with space & 'quote\"s"])
def test_a_known_secret_is_found_in_every_form(secret: str):
    known = KnownSecrets.of([secret])
    quoted = "".join(f"%{byte:02X}" if not chr(byte).isalnum() else chr(byte) for byte in secret.encode())
    forms = [secret, secret[:8], quoted, quoted.lower() if secret.islower() else quoted]
    forms.append(secret.replace('"', '\\"'))
    forms += [base64.b64encode(f"{around}{secret}tail".encode()).decode() for around in ("", "x", "xy")]
    forms.append(secret.encode().hex())
    for form in forms:
        result = redact(f"the peer said <{form}> and left".encode(), known)
        assert result.redactions, form
        assert secret[:8].encode() not in result.text


def test_a_short_known_secret_is_only_taken_as_a_word_of_its_own():
    known = KnownSecrets.of(["1111"])
    assert redact(b"said 1111, at 11:11:11.111122 pid 21111", known).text == (
        b"said [redacted known], at 11:11:11.111122 pid 21111"
    )


def test_known_secrets_do_not_show_themselves():
    assert "hunter2" not in repr(KnownSecrets.of(["hunter2hunter2"]))
