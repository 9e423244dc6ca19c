"""Calls for attention: on a VIP move, a split brain, a new critical finding; at most once in five seconds.

A move or a split brain stays on show until somebody acknowledges it; what was acknowledged is a line of the event
list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Protocol

from iamops.judge.findings import Finding, Key
from iamops.model.contest import split_end_words, split_words
from iamops.model.events import Event, Noticed
from iamops.model.facts import Severity
from iamops.model.safe_text import safe
from iamops.model.state import ClusterState, Split, VipMove
from iamops.tui.toolkit.text import clip, clock
from iamops.tui.toolkit.themes import remember, remembered

# Whether the console may ring and notify: from the environment, what was remembered, or the default.


class AttentionWhen(StrEnum):
    """When to call for attention. A terminal that does not report its focus counts as focused."""

    ON = "on"
    OFF = "off"
    UNFOCUSED = "unfocused"


class Means(StrEnum):
    """A way to call for attention; also the name under which the choice is remembered."""

    BELL = "bell"
    NOTIFICATIONS = "notifications"

    @property
    def variable(self) -> str:
        """The environment variable that wins over what is remembered."""
        return f"IAMOPS_{self.name}"


class Attention:
    """What was chosen for each means. `complaints` say which words were no choice."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.complaints: tuple[str, ...] = ()
        self._chosen = {means: self._first(means, environ) for means in Means}

    def wanted(self, means: Means, *, focused: bool) -> bool:
        match self._chosen[means]:
            case AttentionWhen.ON:
                return True
            case AttentionWhen.OFF:
                return False
            case AttentionWhen.UNFOCUSED:
                return not focused

    def choose(self, means: Means, when: AttentionWhen) -> str | None:
        """For this session and the next; returns why it could not be remembered, if so."""
        self._chosen[means] = when
        return remember(means, when)

    def _first(self, means: Means, environ: Mapping[str, str]) -> AttentionWhen:
        """The first word that is a choice. An empty variable says nothing."""
        words = ((means.variable, environ.get(means.variable)), (f"{means} in console.json", remembered(means)))
        for source, word in words:
            if not word:
                continue
            if word in list(AttentionWhen):
                return AttentionWhen(word)
            self.complaints += (f"{source}: {word!r} is none of {', '.join(AttentionWhen)}",)
        return AttentionWhen.ON


# Terminal notifications as escape sequences: OSC 9 and OSC 777, through tmux where it stands between. Pure.

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


GAP_S = 5.0
# A finding that comes and goes is not news each time.
FORGOTTEN_AFTER_S = 300.0
NAME_CELLS = 16
# What an action of ours stopped or moved has come to rest so long after it.
SETTLES_S = 5.0


class NotifierHost(Protocol):
    """What is needed of the console."""

    app_focus: bool

    @property
    def acting(self) -> bool:
        """Whether an action of ours is under way."""
        ...

    def say(self, text: str, severity: Severity = ...) -> None: ...

    def notify_terminal(self, text: str) -> None:
        """Writes to the terminal what is no part of the picture."""
        ...

    def later(self, delay_s: float, call: Callable[[], None]) -> None:
        """Calls from inside the app's own message pump."""
        ...

    def mode_changed(self) -> None:
        """What every view shows of the console itself is another."""
        ...


class Notifier:
    """Hears states and findings, and calls. `do_` methods are what the operator asks for."""

    def __init__(
        self,
        host: NotifierHost,
        state: ClusterState,
        apply: Callable[[Event], None],
        now: Callable[[], float],
        environ: Mapping[str, str],
    ) -> None:
        self._host, self._apply, self._now, self._environ = host, apply, now, environ
        self._attention = Attention(environ)
        self._cluster = state.profile.name
        self._several = len(state.profile.vrrp) > 1
        self._seen = _moves_of(state)
        self._splits = state.splits
        self._waiting: VipMove | Split | None = None
        self._unacknowledged = 0
        self._news: list[str] = []
        self._moves_in_news = 0
        self._critical = False
        self._known: dict[Key, float] | None = None
        self._called_at = self._calm_until = float("-inf")
        self._planned = False

    @property
    def complaints(self) -> tuple[str, ...]:
        return self._attention.complaints

    @property
    def waiting(self) -> str:
        """The move or split brain that nobody acknowledged, in words; empty if there is none."""
        if self._waiting is None:
            return ""
        if isinstance(self._waiting, Split):
            return f"{self._split_story(self._waiting)} · a acknowledges"
        times = f" {self._unacknowledged}x," if self._unacknowledged > 1 else ""
        return f"VIP MOVED{times} {self._story(self._waiting)} · a acknowledges"

    # --- what happens ---

    def on_state(self, state: ClusterState) -> None:
        """A new state. Nothing is written here: events may come while a frame is being painted."""
        self._heard_splits(state)
        moves = _moves_of(state) - self._seen
        if moves <= 0:
            return
        self._seen += moves
        if self._host.acting:
            return  # it was asked for; the run tells it, and so does the event list
        self._waiting = state.moves[-1]
        self._unacknowledged += moves
        self._moves_in_news += moves
        self._plan()
        self._host.later(0.0, self._host.mode_changed)

    def _heard_splits(self, state: ClusterState) -> None:
        """Its beginning rings, and its end is told as well, whether or not the beginning was acknowledged."""
        if state.splits is self._splits:
            return
        fresh = [each for each in state.splits if each not in self._splits]
        self._splits = state.splits
        for split in fresh:
            self._waiting, self._unacknowledged, self._moves_in_news = split, 0, 0
            self._news.append((split_words if split.ended_at is None else split_end_words)(split, state))
            self._critical = self._critical or split.ended_at is None
            self._plan()
            self._host.later(0.0, self._host.mode_changed)

    def judged(self, findings: tuple[Finding, ...], now: float) -> None:
        """What the rules say now. What they said of the very first picture was no change.

        What an action of ours brings about calls nobody, unless it is still so some time after it.
        """
        if self._host.acting:
            self._calm_until = now + SETTLES_S
        if now < self._calm_until:
            return
        critical = {
            f.key: f.title for f in findings if f.severity is Severity.CRITICAL and f.code != "split-brain"
        }
        known = self._known
        kept = {} if known is None else {k: at for k, at in known.items() if now - at < FORGOTTEN_AFTER_S}
        self._known = kept | dict.fromkeys(critical, now)
        fresh = [] if known is None else [title for key, title in critical.items() if key not in kept]
        if fresh:
            self._news += fresh
            self._critical = True
            self._plan()

    # --- what is called ---

    def _plan(self) -> None:
        """At once, or when the last call is five seconds past: a burst is one call with its number."""
        if not self._planned:
            self._planned = True
            self._host.later(max(0.0, self._called_at + GAP_S - self._now()), self._call)

    def _call(self) -> None:
        self._planned = False
        text, severity = self._text(), Severity.CRITICAL if self._critical else Severity.WARNING
        self._news, self._moves_in_news, self._critical = [], 0, False
        if not text:
            return  # a move that was acknowledged meanwhile
        self._called_at = self._now()
        self._host.say(text, severity)
        focused = self._host.app_focus
        if self._attention.wanted(Means.NOTIFICATIONS, focused=focused):
            self._host.notify_terminal(notification(f"iamops {self._cluster}", text, self._environ))
        if self._attention.wanted(Means.BELL, focused=focused):
            self._host.notify_terminal(BELL)

    def _text(self) -> str:
        """The worst first: findings, then moves."""
        parts = self._news[:1]
        if len(self._news) > 1:
            parts.append(f"{len(self._news) - 1} more critical")
        if self._moves_in_news and isinstance(self._waiting, VipMove):
            moves = f"{self._moves_in_news} VIP moves, the last" if self._moves_in_news > 1 else "VIP moved"
            parts.append(f"{moves} {self._story(self._waiting)}")
        return " · ".join(parts)

    def _split_story(self, split: Split) -> str:
        nodes = " + ".join(clip(name, NAME_CELLS) for name in split.nodes)
        if split.ended_at is None:
            return f"SPLIT BRAIN {clock(split.since)} {nodes}"
        left = clip(split.left[0], NAME_CELLS) if split.left else "nobody"
        word = "not seen any more" if split.unheard else "ended"
        return f"SPLIT BRAIN of {nodes} {word} {clock(split.ended_at)}: VIP on {left}"

    def _story(self, move: VipMove) -> str:
        instance = f"{clip(move.instance, NAME_CELLS)} " if self._several else ""
        return f"{instance}{clock(move.at)} {clip(move.previous, NAME_CELLS)} -> {clip(move.node, NAME_CELLS)}"

    # --- what the operator asks for ---

    def do_acknowledge(self, argument: str) -> None:
        """Takes the move off the screen, and leaves a line that it was seen."""
        if self._waiting is None:
            return
        text = f"acknowledged: {self._acknowledged(self._waiting)}"
        self._waiting, self._unacknowledged, self._moves_in_news = None, 0, 0
        self._apply(Noticed(self._now(), None, Severity.INFO, text))
        self._host.mode_changed()
        self._host.say(text)

    def _acknowledged(self, waiting: VipMove | Split) -> str:
        if isinstance(waiting, Split):
            return self._split_story(waiting)
        number = f"{self._unacknowledged} VIP moves, the last" if self._unacknowledged > 1 else "VIP move"
        return f"{number} {self._story(waiting)}"

    def do_bell(self, argument: str) -> None:
        self._choose(Means.BELL, argument)

    def do_notifications(self, argument: str) -> None:
        self._choose(Means.NOTIFICATIONS, argument)

    def _choose(self, means: Means, word: str) -> None:
        failure = self._attention.choose(means, AttentionWhen(word))
        self._host.say(failure or f"{means} {word}", Severity.WARNING if failure else Severity.INFO)


def _moves_of(state: ClusterState) -> int:
    return sum(state.move_counts.values())
