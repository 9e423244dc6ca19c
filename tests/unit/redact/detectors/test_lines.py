"""Lines that come one by one: a secret that goes over several of them is known by those before."""

from __future__ import annotations

from iamops.redact.detectors.lines import MARKED, MOST_SPEAKERS, MOST_WITHOUT, LineRedactor, Speakers

BEGIN, END = b"-----BEGIN RSA PRIVATE KEY-----", b"-----END RSA PRIVATE KEY-----"
BODY = b"MIIEpAIBAAKCAQEA1c7q83vEjRWeJASNFZ4"


def test_the_lines_of_a_key_are_taken_out_one_by_one_until_its_end():
    redactor = LineRedactor()
    clean = [redactor.of(line) for line in (BEGIN, BODY, END, b"iam-pump started")]
    assert clean == [BEGIN, MARKED, END, b"iam-pump started"]


def test_a_key_that_never_ends_does_not_hide_the_log_behind_it():
    redactor = LineRedactor()
    assert [redactor.of(line) for line in (BEGIN, BODY, b"nginx: start of worker 7, ok")][-1].startswith(b"nginx")


def test_a_statement_tells_of_the_values_on_its_next_lines():
    redactor = LineRedactor()
    redactor.of(b"INSERT INTO user (name, password) VALUES")
    assert b"s3cr3tWord9" not in redactor.of(b"('iam', 's3cr3tWord9');")


def test_a_key_of_putty_is_as_long_as_it_says():
    redactor = LineRedactor()
    assert [redactor.of(line) for line in (b"Private-Lines: 1", b"AAABAQCx1", b"done AAABAQCx1")] == [
        b"Private-Lines: 1",
        MARKED,
        b"done AAABAQCx1",
    ]


def test_a_name_at_the_end_of_a_line_tells_of_the_next_one_and_not_of_those_long_after():
    redactor = LineRedactor()
    redactor.of(b"password:")
    assert redactor.of(b"  s3cr3tWord9") == b"  [redacted password]"
    redactor = LineRedactor()
    for line in (b"password:", *(b"line %d" % number for number in range(MOST_WITHOUT + 2))):
        redactor.of(line)
    assert redactor.of(b"  s3cr3tWord9") == b"  s3cr3tWord9"


def test_a_list_of_words_one_on_each_line_is_a_command():
    redactor = LineRedactor()
    redactor.of(b'"mysql",')
    assert b"s3cr3tWord9" not in redactor.of(b'"-ps3cr3tWord9",')


def test_a_line_by_itself_is_what_it_was():
    assert LineRedactor().of(b"GET /v1/users 200") == b"GET /v1/users 200"


def test_a_speaker_who_comes_between_does_not_end_anothers_key():
    speakers = Speakers()
    speakers.of("a", BEGIN)
    assert speakers.of("b", BODY) == BODY
    assert speakers.of("a", BODY) == MARKED


def test_of_endless_speakers_so_many_are_remembered():
    speakers = Speakers()
    for number in range(3 * MOST_SPEAKERS):
        speakers.of(f"s{number}", b"hello")
    assert len(speakers._each) <= MOST_SPEAKERS
