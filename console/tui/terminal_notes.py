"""Terminal notifications as escape sequences: OSC 9 and OSC 777, through tmux where it stands between. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from console.parse.safe_text import safe

BELL = "\x07"
TEXT_CHARS = 160
# Terminals known to show both kinds would show everything twice.
ONLY_OSC_9 = frozenset({"iTerm.app", "WezTerm", "ghostty"})
ONLY_OSC_777 = ("xterm-kitty", "foot", "rxvt")


def notification(title: str, body: str, environ: Mapping[str, str]) -> str:
    """What makes the terminal tell the desktop. Empty where it would be printed instead of understood."""
    if environ.get("TERM", "") in ("", "dumb", "linux"):
        return ""
    title, body = _plain(title), _plain(body)
    notes = {"9": f"\x1b]9;{title}: {body}{BELL}", "777": f"\x1b]777;notify;{title};{body}{BELL}"}
    text = "".join(notes[kind] for kind in _kinds(environ))
    return _through_tmux(text) if environ.get("TMUX") else text


def _kinds(environ: Mapping[str, str]) -> tuple[str, ...]:
    if environ.get("TMUX"):
        return ("9", "777")  # what is behind it is not known
    if environ.get("TERM_PROGRAM") in ONLY_OSC_9:
        return ("9",)
    return ("777",) if environ["TERM"].startswith(ONLY_OSC_777) else ("9", "777")


def _plain(text: str) -> str:
    """Nothing that ends the sequence or begins another field; what was a control stays visible."""
    return safe(text, TEXT_CHARS).replace(";", ",")


def _through_tmux(text: str) -> str:
    """tmux passes a sequence on to its terminal if it is wrapped, with each escape doubled."""
    return "\x1bPtmux;" + text.replace("\x1b", "\x1b\x1b") + "\x1b\\"
