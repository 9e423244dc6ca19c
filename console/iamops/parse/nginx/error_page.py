"""Which location nginx takes for an error page: whether the page is served here, or asked of a backend. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from iamops.parse.directives import Directive
from iamops.parse.nginx.refused import place_of
from iamops.parse.nginx.routing import PASSES

# A path is a short text; an expression with repetitions within repetitions may take for ever with it.
MAX_PATH = 200
_REPEATS = re.compile(r"[*+{]")
_REPEATED_GROUP = re.compile(r"\)[*+{]")
_MOST_REPEATS = 2


def page_of(error_page: Directive) -> str:
    """The path or name that it leads to; an empty text for one that depends on a variable or leads elsewhere."""
    target = error_page.args[-1] if len(error_page.args) > 1 else ""
    target = target.partition("?")[0]
    return target if target.startswith(("/", "@")) and "$" not in target and len(target) < MAX_PATH else ""


def reaches_backend(server: Directive, target: str) -> str:
    """Why the page is not served by nginx itself: nothing has that name, or everything is passed on. An empty text
    where it is served, where somebody chose that a backend does it, or where it cannot be told.
    """
    locations = server.all("location")
    if target.startswith("@"):
        return "" if any(location.args == (target,) for location in locations) else f"no `location {target}`"
    chosen = _chosen(locations, target)
    if chosen is None or place_of(chosen)[1] not in ("/", ".*", "^/"):
        return ""
    passed = any(entry.name in PASSES for entry in chosen.block or ())
    return f"no `location = {target}`" if passed and not chosen.first("try_files") else ""


def _chosen(locations: Sequence[Directive], path: str) -> Directive | None:
    """The exact one, the first expression that matches unless `^~` forbids it, the longest prefix; then those in
    it. None where there is none, or where it cannot be told.
    """
    places = [(location, *place_of(location)) for location in locations]
    prefixes: list[tuple[int, Directive, str]] = []
    for location, modifier, text in places:
        if modifier == "=" and text == path:
            return location
        if modifier in ("", "^~") and path.startswith(text):
            prefixes.append((len(text), location, modifier))
    longest = max(prefixes, key=lambda each: each[0], default=None)
    if longest is not None and any(inner.name == "location" for inner in longest[1].block or ()):
        inner = longest[1].all("location")
        if (found := _chosen(inner, path)) is not None:
            return found
        if any(_matches(text, modifier, path) is None for _, modifier, text in ((i, *place_of(i)) for i in inner)):
            return None
    if longest is None or longest[2] != "^~":
        for location, modifier, text in places:
            if modifier in ("~", "~*"):
                matched = _matches(text, modifier, path)
                if matched or matched is None:
                    return location if matched else None
    return None if longest is None else longest[1]


def _matches(expression: str, modifier: str, path: str) -> bool | None:
    """None: it is not asked, for it may take too long, or is one of PCRE's own."""
    if modifier not in ("~", "~*"):
        return False
    if len(_REPEATS.findall(expression)) > _MOST_REPEATS or _REPEATED_GROUP.search(expression):
        return None
    try:
        return re.search(expression, path, re.IGNORECASE if modifier == "~*" else 0) is not None
    except re.error:
        return None
