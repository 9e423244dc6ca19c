"""The one way in for foreign words: without secrets first, then harmless."""

from __future__ import annotations

from iamops.redact.clean import (
    clean_bytes,
    clean_document,
    clean_lines,
    clean_text,
    fault_of_ours,
    without_secrets,
)

WORD = "s3cr3tWord9"


def test_a_text_is_one_harmless_line_without_its_secret():
    clean = clean_text(f"password={WORD}\n\x1b[31mred")
    assert WORD not in clean
    assert clean.isprintable()


def test_a_secret_that_the_limit_cuts_in_two_is_known_by_its_beginning():
    text = "x" * 40 + f" password={WORD * 20} " + "y" * 5000
    clean = clean_text(text, 60)
    assert WORD[:4] not in clean
    assert clean.endswith(f"… (+{len(text) - 60} characters)")


def test_bytes_that_are_not_utf8_are_shown_as_numbers():
    assert clean_bytes(b"a\xffb") == "a\\xffb"
    assert WORD not in clean_bytes(f"password={WORD}".encode())


def test_bytes_beyond_the_limit_are_counted():
    raw = b"x" * 10_000
    clean = clean_bytes(raw, 100)
    assert clean.startswith("x" * 100 + "… (+")
    assert clean.endswith(" bytes)")


def test_a_secret_over_several_lines_is_found_in_all_of_them():
    begin, end = b"-----BEGIN RSA PRIVATE KEY-----", b"-----END RSA PRIVATE KEY-----"
    lines = clean_lines(b"\n".join((begin, b"MIIEpAIBAAKCAQEA1c7", end, b"done")))
    assert len(lines) == 4
    assert "MIIEp" not in " ".join(lines)
    assert lines[-1] == "done"


def test_a_text_without_secrets_is_the_same_object():
    text = "two\nlines\twith a tab"
    assert without_secrets(text) is text


def test_a_value_of_a_document_is_judged_by_its_key_and_by_what_it_holds():
    clean = clean_document({"password": WORD, "about": {"note": f"redis://iam:{WORD}@a/"}, "count": 3})
    assert WORD not in str(clean)
    assert clean["count"] == 3


def test_what_is_no_text_in_a_list_stays_what_it_is():
    clean = clean_document({"rows": [{"password": WORD}, 3, None], "numbers": [1, 2]})
    assert clean == {"rows": [{"password": clean["rows"][0]["password"]}, 3, None], "numbers": [1, 2]}
    assert WORD not in str(clean)


def test_the_words_of_a_command_tell_of_each_other():
    clean = clean_document({"argv": ["ipmitool", "-U", "iam", "-P", WORD, "power", "status"]})
    assert WORD not in clean["argv"]
    assert clean["argv"][:4] == ["ipmitool", "-U", "iam", "-P"]


def test_a_fault_of_ours_is_one_sentence_about_the_first_of_a_group():
    group = ExceptionGroup("several", [ValueError(f"password={WORD}"), KeyError("x")])
    said = fault_of_ours(group)
    assert said.startswith("a fault of iamops: ValueError")
    assert WORD not in said
    assert fault_of_ours(RuntimeError()) == "a fault of iamops: RuntimeError"
