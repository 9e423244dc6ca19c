"""Terminal notifications: sequences that no text can break out of."""

from __future__ import annotations

import pytest

from iamops.tui.app.notifier import notification

XTERM = {"TERM": "xterm-256color"}


def test_an_unknown_terminal_is_told_in_both_ways():
    assert notification("iamops lab", "VIP moved", XTERM) == (
        "\x1b]9;iamops lab: VIP moved\x07\x1b]777;notify;iamops lab;VIP moved\x07"
    )


@pytest.mark.parametrize(
    ("environ", "numbers"),
    [
        (XTERM | {"TERM_PROGRAM": "iTerm.app"}, ["9"]),
        (XTERM | {"TERM_PROGRAM": "WezTerm"}, ["9"]),
        ({"TERM": "xterm-kitty"}, ["777"]),
        ({"TERM": "rxvt-unicode-256color"}, ["777"]),
        (XTERM | {"TERM_PROGRAM": "vscode"}, ["9", "777"]),
    ],
)
def test_a_terminal_that_knows_both_is_told_once(environ, numbers):
    parts = notification("t", "b", environ).split("\x1b]")[1:]
    assert [part.split(";")[0] for part in parts] == numbers


@pytest.mark.parametrize("environ", [{}, {"TERM": "dumb"}, {"TERM": "linux"}])
def test_a_terminal_that_would_print_it_is_not_told(environ):
    assert notification("t", "b", environ) == ""


def test_tmux_is_asked_to_pass_it_on():
    inside = notification("t", "b", {"TERM": "tmux-256color", "TMUX": "/tmp/tmux-0/default,1,0"})
    assert inside == "\x1bPtmux;\x1b\x1b]9;t: b\x07\x1b\x1b]777;notify;t;b\x07\x1b\\"


def test_tmux_hides_which_terminal_it_is():
    environ = {"TERM": "tmux", "TMUX": "x", "TERM_PROGRAM": "WezTerm"}
    assert "]777;" in notification("t", "b", environ)


@pytest.mark.parametrize(
    "text", ["a\x07\x1b]52;c;ZXZpbA==\x07", "a\x1b\\b", "a\x9c\x9d0;b", "a;b;c", "a\nb\rc", "\ud800", "a\u202eb"]
)
def test_no_text_can_end_the_sequence_or_begin_a_field(text):
    made = notification(text, text, XTERM | {"TERM_PROGRAM": "iTerm.app"})
    body = made.removeprefix("\x1b]9;").removesuffix("\x07")
    assert len(body) == len(made) - 5
    assert body.isprintable()
    assert ";" not in body
    double = notification(text, text, {"TERM": "xterm-kitty"})
    assert double.count(";") == 3


def test_a_long_text_is_cut():
    assert len(notification("t", "x" * 5000, {"TERM": "xterm-kitty"})) < 300
