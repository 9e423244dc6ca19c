"""Texts cut to size lose whole lines, and small ones lose nothing."""

from __future__ import annotations

from iamops.model.text import cut_to, shares

LINES = b"one\ntwo\nthree\n"


def test_what_fits_is_left_alone():
    assert cut_to(LINES, len(LINES), keeps_end=True) == (LINES, 0)


def test_a_log_keeps_its_end_from_the_beginning_of_a_line_on():
    assert cut_to(LINES, 11, keeps_end=True) == (b"two\nthree\n", 4)
    assert cut_to(LINES, 10, keeps_end=True) == (b"two\nthree\n", 4)
    assert cut_to(LINES, 9, keeps_end=True) == (b"three\n", 8)


def test_a_configuration_keeps_its_beginning_up_to_the_end_of_a_line():
    assert cut_to(LINES, 9, keeps_end=False) == (b"one\ntwo\n", 6)


def test_a_single_line_that_is_too_long_is_left_out_as_a_whole():
    assert cut_to(b"x" * 100, 10, keeps_end=True) == (b"", 100)
    assert cut_to(b"x" * 100, 10, keeps_end=False) == (b"", 100)


def test_small_files_are_kept_whole_and_large_ones_share_the_rest():
    assert shares([10, 1000, 20, 1000], 430) == [10, 200, 20, 200]
    assert shares([10, 20], 100) == [10, 20]
    assert shares([], 100) == []
