"""Calls for attention: on a VIP move, a split brain, a new critical finding; at most once in five seconds.

A move or a split brain stays on show until it is acknowledged; after that it is a line of the event list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from iamops.judge.findings import Finding, Key
from iamops.model.events import Noticed
from iamops.model.facts import Severity
from iamops.model.split_brain import split_end_words, split_words
from iamops.model.state import ClusterState, Split, VipMove
from iamops.model.text import safe
from iamops.tui.toolkit.text import clip, clock
from iamops.tui.toolkit.themes import remember, remembered

if TYPE_CHECKING:
    from iamops.session.store import Store
    from iamops.tui.app.app import ConsoleApp

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


class Attention:
    """The choice for each means. `complaints` say which words were no choice."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.complaints: tuple[str, ...] = ()
        self._chosen = {means: self._first(means, environ) for means in Means}

    def wanted(self, means: Means, *, focused: bool) -> bool:
        chosen = self._chosen[means]
        return chosen is AttentionWhen.ON or (chosen is AttentionWhen.UNFOCUSED and not focused)

    def choose(self, means: Means, when: AttentionWhen) -> str | None:
        """For this session and the next; returns why it could not be remembered, if so."""
        self._chosen[means] = when
        return remember(means, when)

    def _first(self, means: Means, environ: Mapping[str, str]) -> AttentionWhen:
        """The first word that is a choice: the environment's, or else what is remembered."""
        variable = f"IAMOPS_{means.name}"
        words = ((variable, environ.get(variable)), (f"{means} in console.json", remembered(means)))
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
    """The sequence for a desktop notification. Empty where it would be printed instead of understood."""
    terminal = environ.get("TERM", "")
    if terminal in ("", "dumb", "linux"):
        return ""
    # Nothing may end the sequence or begin another field; what was a control stays visible.
    title, body = (safe(text, TEXT_CHARS).replace(";", ",") for text in (title, body))
    osc_9 = f"\x1b]9;{title}: {body}{BELL}"
    osc_777 = f"\x1b]777;notify;{title};{body}{BELL}"
    if environ.get("TMUX"):
        # The terminal behind it is not known. tmux passes a wrapped sequence on, with each escape doubled.
        return "\x1bPtmux;" + (osc_9 + osc_777).replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if environ.get("TERM_PROGRAM") in ONLY_OSC_9:
        return osc_9
    return osc_777 if terminal.startswith(ONLY_OSC_777) else osc_9 + osc_777


GAP_S = 5.0
# A finding that comes and goes is not new each time.
FORGOTTEN_AFTER_S = 300.0
NAME_CELLS = 16
# How long after an action of ours what it stopped or moved has come to rest.
SETTLES_S = 5.0


class Notifier:
    """Watches states and findings, and calls the operator."""

    def __init__(
        self, app: ConsoleApp, store: Store, now: Callable[[], float], environ: Mapping[str, str]
    ) -> None:
        self._app, self._store, self._now, self._environ = app, store, now, environ
        self._attention = Attention(environ)
        self.complaints = self._attention.complaints
        profile = store.state.profile
        self._cluster = profile.name
        self._several_instances = len(profile.vrrp) > 1
        self._seen_moves = sum(store.state.move_counts.values())
        self._seen_splits = store.state.splits
        # What stays on show until it is acknowledged.
        self._waiting: VipMove | Split | None = None
        self._unacknowledged = 0
        # What the next call will say.
        self._pending: list[str] = []
        self._pending_moves = 0
        self._pending_critical = False
        self._call_planned = False
        self._called_at = self._calm_until = float("-inf")
        # Critical findings -> when they were seen last; None before the first answer of the rules.
        self._known: dict[Key, float] | None = None

    @property
    def waiting(self) -> str:
        """The move or split brain that is not acknowledged, in words; empty if there is none."""
        if self._waiting is None:
            return ""
        if isinstance(self._waiting, Split):
            return f"{self._split_story(self._waiting)} · a acknowledges"
        times = f" {self._unacknowledged}x," if self._unacknowledged > 1 else ""
        return f"VIP MOVED{times} {self._story(self._waiting)} · a acknowledges"

    # --- what happens ---

    def on_state(self, state: ClusterState) -> None:
        """A new state. Nothing is written here: events may come while a frame is being painted."""
        if state.splits is not self._seen_splits:
            fresh = [split for split in state.splits if split not in self._seen_splits]
            self._seen_splits = state.splits
            for split in fresh:
                # The end is reported too, whether or not the beginning was acknowledged.
                self._pending.append((split_words if split.ended_at is None else split_end_words)(split, state))
                self._pending_critical = self._pending_critical or split.ended_at is None
                self._unacknowledged = self._pending_moves = 0
                self._wait_for(split)
        moves = sum(state.move_counts.values()) - self._seen_moves
        if moves <= 0:
            return
        self._seen_moves += moves
        # A move that was asked for is shown by its run and in the event list.
        if not self._app.acting:
            self._unacknowledged += moves
            self._pending_moves += moves
            self._wait_for(state.moves[-1])

    def _wait_for(self, event: VipMove | Split) -> None:
        self._waiting = event
        self._plan_call()
        self._app.later(0.0, self._app.repainter.repaint_header)

    def on_findings(self, findings: tuple[Finding, ...], now: float) -> None:
        """What the rules say now. What they said first was there before the console, and is no change.

        What an action of ours brings about is not called, unless it is still there some time after it.
        """
        if self._app.acting:
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
            self._pending += fresh
            self._pending_critical = True
            self._plan_call()

    # --- what is called ---

    def _plan_call(self) -> None:
        """At once, or when the last call is five seconds past: a burst is one call with its number."""
        if not self._call_planned:
            self._call_planned = True
            self._app.later(max(0.0, self._called_at + GAP_S - self._now()), self._call)

    def _call(self) -> None:
        """The worst first: findings, then moves. Nothing, if a move was acknowledged meanwhile."""
        self._call_planned = False
        parts = self._pending[:1]
        if len(self._pending) > 1:
            parts.append(f"{len(self._pending) - 1} more critical")
        if self._pending_moves and isinstance(self._waiting, VipMove):
            moves = f"{self._pending_moves} VIP moves, the last" if self._pending_moves > 1 else "VIP moved"
            parts.append(f"{moves} {self._story(self._waiting)}")
        text, severity = " · ".join(parts), Severity.CRITICAL if self._pending_critical else Severity.WARNING
        self._pending, self._pending_moves, self._pending_critical = [], 0, False
        if not text:
            return
        self._called_at = self._now()
        self._app.say(text, severity)
        focused = self._app.app_focus
        if self._attention.wanted(Means.NOTIFICATIONS, focused=focused):
            self._app.notify_terminal(notification(f"iamops {self._cluster}", text, self._environ))
        if self._attention.wanted(Means.BELL, focused=focused):
            self._app.notify_terminal(BELL)

    def _split_story(self, split: Split) -> str:
        nodes = " + ".join(clip(name, NAME_CELLS) for name in split.nodes)
        if split.ended_at is None:
            return f"SPLIT BRAIN {clock(split.since)} {nodes}"
        left = clip(split.left[0], NAME_CELLS) if split.left else "nobody"
        word = "not seen any more" if split.unheard else "ended"
        return f"SPLIT BRAIN of {nodes} {word} {clock(split.ended_at)}: VIP on {left}"

    def _story(self, move: VipMove) -> str:
        instance = f"{clip(move.instance, NAME_CELLS)} " if self._several_instances else ""
        return f"{instance}{clock(move.at)} {clip(move.previous, NAME_CELLS)} -> {clip(move.node, NAME_CELLS)}"

    # --- what the operator asks for ---

    def acknowledge(self) -> None:
        """Takes the move off the screen, and leaves a line that it was seen."""
        if self._waiting is None:
            return
        if isinstance(self._waiting, Split):
            text = f"acknowledged: {self._split_story(self._waiting)}"
        else:
            number = f"{self._unacknowledged} VIP moves, the last" if self._unacknowledged > 1 else "VIP move"
            text = f"acknowledged: {number} {self._story(self._waiting)}"
        self._waiting, self._unacknowledged, self._pending_moves = None, 0, 0
        self._store.apply(Noticed(self._now(), None, Severity.INFO, text))
        self._app.repainter.repaint_header()
        self._app.say(text)

    def choose(self, means: Means, when: str) -> None:
        """`when` is one of AttentionWhen."""
        failure = self._attention.choose(means, AttentionWhen(when))
        self._app.say(failure or f"{means} {when}", Severity.WARNING if failure else Severity.INFO)
