"""Which theme is worn: asked for, remembered, or the default; or none at all under NO_COLOR."""

from __future__ import annotations

from textual.theme import Theme

from console.tui.palette import Palette, no_color_palette, no_color_theme, palette_of, textual_theme
from console.tui.preferences import remember_theme, remembered_theme
from console.tui.themes import DEFAULT_THEME, load_themes


class Looks:
    """The themes there are and the one in use. `complaints` are what was wrong with files or names."""

    def __init__(self, asked: str | None, *, no_color: bool) -> None:
        self._themes, self.complaints = load_themes()
        self.no_color = no_color or not self._themes
        if asked is not None and asked not in self._themes:
            self.complaints = (*self.complaints, f"no theme {asked!r}; there are {', '.join(self.names)}")
        wanted = (asked, remembered_theme(), DEFAULT_THEME, *self._themes)
        self._worn = next((name for name in wanted if name is not None and name in self._themes), "")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._themes))

    @property
    def name(self) -> str:
        """The name of Textual's theme in use."""
        return no_color_theme().name if self.no_color else self._worn

    @property
    def palette(self) -> Palette:
        return no_color_palette() if self.no_color else palette_of(self._themes[self._worn])

    def textual_themes(self) -> tuple[Theme, ...]:
        """Everything Textual must know before one of them can be worn."""
        return (no_color_theme(), *(textual_theme(theme) for theme in self._themes.values()))

    def wear(self, name: str) -> str | None:
        """Changes the theme and remembers it; returns why it could not be remembered, if so."""
        self._worn = name
        return remember_theme(name)
