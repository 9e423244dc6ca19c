"""A rotated log: which of its files is newer, and where reading stopped."""

from __future__ import annotations

from iamops.accesslog.rotation import ANCHOR_MAX, LogFile, anchor_of, listed, newest_first, split_lines

LOG = "/var/log/nginx/access.log"


def names(*endings: str, changed: int = 0) -> list[str]:
    files = [LogFile(n, 10, changed + n, LOG + ending) for n, ending in enumerate(endings)]
    return [file.name.removeprefix(LOG) for file in newest_first(files, LOG)]


def test_a_listing_is_read_and_what_is_no_line_of_it_is_left_out():
    lines = [b"7 120 1795442000 /var/log/nginx/access.log", b"stat: no such file", b"7 x 1 /a", b"1 2 3"]
    assert listed(lines) == (LogFile(7, 120, 1795442000, LOG),)


def test_a_name_may_hold_blanks_and_bytes_that_are_not_utf8():
    (file,) = listed([b"1 2 3 /var/log/my \xff.log"])
    assert file.name.encode("utf-8", "surrogateescape") == b"/var/log/my \xff.log"


def test_numbers_give_the_order_even_within_one_second():
    assert names(".2", ".10", "", ".1") == ["", ".1", ".2", ".10"]


def test_files_that_are_dated_stand_by_their_last_change():
    assert names("-20261122", "-20261123", "") == ["", "-20261123", "-20261122"]


def test_a_compressed_file_beside_the_plain_one_is_still_being_written():
    assert names("", ".1", ".1.gz", ".2.gz") == ["", ".1", ".2.gz"]


def test_what_rotation_did_not_make_is_no_file_of_the_log():
    assert names("", ".swp", ".bak", ".1.tmp", "~", "-old") == [""]


def test_a_line_that_is_still_being_written_is_left_for_later():
    assert split_lines(b"one\ntwo\nthr") == ([b"one", b"two"], 8)
    assert split_lines(b"thr") == ([], 0)


def test_the_anchor_is_the_end_of_the_last_line_and_bounded():
    assert anchor_of(b"one\ntwo\n") == b"two\n"
    assert anchor_of(b"x" * 1000 + b"\n") == b"x" * (ANCHOR_MAX - 1) + b"\n"
