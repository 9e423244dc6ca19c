"""Whether the console may ring and notify: from the environment, what was remembered, or the default."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from console.tui.preferences import remember, remembered


class When(StrEnum):
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
            case When.ON:
                return True
            case When.OFF:
                return False
            case When.UNFOCUSED:
                return not focused

    def choose(self, means: Means, when: When) -> str | None:
        """For this session and the next; returns why it could not be remembered, if so."""
        self._chosen[means] = when
        return remember(means, when)

    def _first(self, means: Means, environ: Mapping[str, str]) -> When:
        """The first word that is a choice. An empty variable says nothing."""
        words = ((means.variable, environ.get(means.variable)), (f"{means} in console.json", remembered(means)))
        for source, word in words:
            if not word:
                continue
            if word in list(When):
                return When(word)
            self.complaints += (f"{source}: {word!r} is none of {', '.join(When)}",)
        return When.ON
