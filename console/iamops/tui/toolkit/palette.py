"""From a theme to styles: what each tone looks like, and Textual's own theme to go with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.theme import BUILTIN_THEMES, Theme

from iamops.tui.toolkit.text import Tone
from iamops.tui.toolkit.themes import DEFAULT_THEME, ConsoleTheme, load_themes, remember, remembered

NO_COLOR_THEME = "no-color"


@dataclass(frozen=True, slots=True)
class Palette:
    """Styles of one theme. `cursor` and `selection` lie over the tone's own style."""

    tones: Mapping[Tone, Style]
    cursor: Style
    selection: Style


PLAIN_TONES = {
    Tone.PLAIN: "text",
    Tone.MUTED: "muted",
    Tone.RULE: "rule",
    Tone.OK: "ok",
    Tone.UNKNOWN: "unknown",
    Tone.STALE: "stale",
    Tone.GRAPH: "graph",
    Tone.PROD_RULE: "production",
}
BOLD_TONES = {
    Tone.TITLE: "title",
    Tone.FOCUS: "accent",
    Tone.ACCENT: "accent",
    Tone.WARN: "warn",
    Tone.DOWN: "down",
    Tone.MARK: "mark",
}


def palette_of(theme: ConsoleTheme) -> Palette:
    """Foregrounds from the theme; only bars and alarms have a background of their own."""
    colour = theme.colours
    production, bar, on_production = colour["production"], colour["bar"], readable_on(colour["production"])
    tones = {tone: Style(color=colour[key]) for tone, key in PLAIN_TONES.items()}
    tones |= {tone: Style(color=colour[key], bold=True) for tone, key in BOLD_TONES.items()}
    tones |= {
        Tone.BAR: Style(color=colour["text"], bgcolor=bar),
        Tone.BAR_WARN: Style(color=colour["warn"], bgcolor=bar, bold=True),
        Tone.BAR_ALARM: Style(color=readable_on(colour["down"]), bgcolor=colour["down"], bold=True),
        Tone.PROD: Style(color=on_production, bgcolor=production, bold=True),
        Tone.PROD_WARN: Style(color=on_production, bgcolor=production, bold=True, underline=True),
        Tone.PROD_ALARM: Style(color=production, bgcolor=on_production, bold=True),
    }
    return Palette(
        tones,
        cursor=Style(bgcolor=colour["cursor"]),
        selection=Style(bgcolor=colour["accent"], color=colour["background"]),
    )


def no_color_palette() -> Palette:
    """Meaning without any colour: weight, underline and reverse only."""
    tones = dict.fromkeys(Tone, Style())
    dim, bold, reverse = Style(dim=True), Style(bold=True), Style(reverse=True)
    tones |= dict.fromkeys((Tone.RULE, Tone.MUTED, Tone.STALE), dim)
    tones |= dict.fromkeys((*BOLD_TONES, Tone.BAR_ALARM), bold)
    tones |= dict.fromkeys((Tone.BAR, Tone.PROD), reverse)
    tones |= dict.fromkeys((Tone.BAR_WARN, Tone.PROD_WARN), Style(reverse=True, underline=True))
    tones[Tone.PROD_ALARM] = bold
    return Palette(tones, cursor=reverse, selection=reverse)


def textual_theme(theme: ConsoleTheme) -> Theme:
    """The same colours for Textual's own widgets: palette, input, dialogs."""
    colour = theme.colours
    return Theme(
        name=theme.name,
        primary=colour["accent"],
        secondary=colour["graph"],
        warning=colour["warn"],
        error=colour["down"],
        success=colour["ok"],
        accent=colour["accent"],
        foreground=colour["text"],
        background=colour["background"],
        surface=colour["bar"],
        panel=colour["bar"],
        dark=theme.dark,
        variables={
            "muted": colour["muted"],
            "rule": colour["rule"],
            "block-cursor-background": colour["cursor"],
            "block-cursor-foreground": colour["text"],
            "input-cursor-background": colour["text"],
            "input-cursor-foreground": colour["background"],
            "input-selection-background": colour["cursor"],
            "border": colour["rule"],
        },
    )


def readable_on(background: str) -> str:
    """Black or white, whichever stands out more on a colour (WCAG 2 contrast)."""
    return max(("#000000", "#ffffff"), key=lambda text: contrast(text, background))


def contrast(colour: str, other: str) -> float:
    """WCAG 2 contrast ratio of two #rrggbb colours, 1 to 21."""
    bright, dim = sorted((_luminance(colour), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


class WithoutColor(LineFilter):
    """NO_COLOR: strips every colour from what is about to be written; weight, underline and reverse stay.

    What Textual marks by a background alone stays marked: a background becomes reverse video.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(text, style and _colourless(style), control) for text, style, control in segments]


@lru_cache(1024)
def _colourless(style: Style) -> Style:
    painted = style.bgcolor is not None and not style.bgcolor.is_default
    return style.without_color + Style(reverse=True) if painted else style.without_color


class ThemeChoice:
    """The themes there are and the one in use: asked for, remembered, or the default; none under NO_COLOR.

    `complaints` are what was wrong with files or names.
    """

    def __init__(self, asked: str | None, *, no_color: bool) -> None:
        self._themes, self.complaints = load_themes()
        self.names = tuple(sorted(self._themes))
        self.no_color = no_color or not self._themes
        if asked is not None and asked not in self._themes:
            self.complaints = (*self.complaints, f"no theme {asked!r}; there are {', '.join(self.names)}")
        wanted = (asked, remembered("theme"), DEFAULT_THEME, *self._themes)
        self._current = next((name for name in wanted if name is not None and name in self._themes), "")

    @property
    def name(self) -> str:
        """The name of Textual's theme in use."""
        return NO_COLOR_THEME if self.no_color else self._current

    @property
    def palette(self) -> Palette:
        return no_color_palette() if self.no_color else palette_of(self._themes[self._current])

    def textual_themes(self) -> tuple[Theme, ...]:
        """Everything Textual must know before one of them can be applied."""
        # For NO_COLOR the terminal's own colours; `WithoutColor` strips what is left.
        ansi = BUILTIN_THEMES["ansi-dark"]
        variables = {**ansi.variables, **dict.fromkeys(("muted", "rule", "border"), "ansi_default")}
        no_color = replace(ansi, name=NO_COLOR_THEME, variables=variables)
        return (no_color, *(textual_theme(theme) for theme in self._themes.values()))

    def apply(self, name: str) -> str | None:
        """Changes the theme and remembers it; returns why it could not be remembered, if so."""
        self._current = name
        return remember("theme", name)
