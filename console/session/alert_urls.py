"""Where alerts go: Apprise URLs from a private file or the environment. They hold secrets and are never shown."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from console.parse.redact_known import learn

VARIABLE = "IAMOPS_ALERT_URLS"
HEARTBEAT = "heartbeat="
FILE_BYTES = 256 * 1024
# Schemes whose host is a host: it may be shown. Elsewhere it is often the token itself.
OWN_HOSTS = frozenset({"json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos", "http", "https"})
_PARTS = re.compile(r"[/?&=@:#,;\s]+")
SHORTEST_SECRET = 4
# What is looked for in every text must be no plain word: a user, a room and a host are.
_TOKEN = re.compile(r"(?=.*[A-Za-z])(?=.*[^A-Za-z]).{8,}")


class AlertUrlsRefused(Exception):
    """The URLs cannot be taken as they are; says why, and how to put it right. Never says a URL."""


@dataclass(frozen=True, slots=True)
class Destinations:
    """Apprise URLs, each with where it stands, and the URL of the heartbeat. None of it is in a repr."""

    urls: tuple[AlertUrl, ...] = ()
    heartbeat: AlertUrl | None = None


@dataclass(frozen=True, slots=True)
class AlertUrl:
    """`place`: `FILE:3` or `IAMOPS_ALERT_URLS, number 2`."""

    place: str
    text: str = field(repr=False)

    @property
    def scheme(self) -> str:
        return self.text.partition("://")[0].lower()

    @property
    def shown(self) -> str:
        """As much of it as anybody may see: `json://127.0.0.1:8025`, `slack://***`."""
        if self.scheme not in OWN_HOSTS:
            return f"{self.scheme}://***"
        return f"{self.scheme}://{_netloc(self.text)}"

    def masked(self, text: str) -> str:
        """The text without anything that this URL holds but its host."""
        for secret in sorted(self.secrets(), key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def secrets(self) -> set[str]:
        """Everything in it but its host, as it stands and decoded; short words are none."""
        host = {_netloc(self.text), *_netloc(self.text).split(":")} if self.scheme in OWN_HOSTS else set()
        parts = _PARTS.split(self.text.partition("://")[2])
        both = {each for part in parts for each in (part, unquote(part))}
        return {self.text} | {each for each in both - host if len(each) >= SHORTEST_SECRET}


def destinations(path: Path | None, environment: str | None = None) -> Destinations:
    """From the file if one is given, else from the environment. Raises AlertUrlsRefused.

    What is secret in them is taken out of every text from then on.
    """
    found = _destinations(path, environment)
    urls = (*found.urls, *((found.heartbeat,) if found.heartbeat else ()))
    learn({secret for url in urls for secret in url.secrets() if _TOKEN.fullmatch(secret)}, whole_only=True)
    return found


def _destinations(path: Path | None, environment: str | None) -> Destinations:
    if path is not None:
        lines = _read(path).splitlines()
        return _parsed([(f"{path}:{number}", line) for number, line in enumerate(lines, start=1)])
    words = (os.environ.get(VARIABLE, "") if environment is None else environment).split()
    return _parsed([(f"{VARIABLE}, number {number}", word) for number, word in enumerate(words, start=1)])


def _parsed(lines: list[tuple[str, str]]) -> Destinations:
    urls, heartbeat = list[AlertUrl](), None
    for place, raw in lines:
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        url = AlertUrl(place, line.removeprefix(HEARTBEAT).strip())
        if "://" not in url.text or not url.scheme.isalnum():
            raise AlertUrlsRefused(f"{place}: expected scheme://…, or {HEARTBEAT}https://…")
        if not line.startswith(HEARTBEAT):
            urls.append(url)
        elif url.scheme in ("http", "https") and heartbeat is None:
            heartbeat = url
        else:
            raise AlertUrlsRefused(f"{place}: expected one {HEARTBEAT}https://…")
    return Destinations(tuple(urls), heartbeat)


def _read(path: Path) -> str:
    """Only from a regular file that nobody but its owner can read."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise AlertUrlsRefused(f"{path}: {error.strerror}") from None
    try:
        _check_private(path, os.fstat(file))
        return os.read(file, FILE_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise AlertUrlsRefused(f"{path}: not UTF-8 text (byte {error.start})") from None
    finally:
        os.close(file)


def _check_private(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise AlertUrlsRefused(f"{path}: not a regular file")
    if found.st_mode & 0o077:
        why = f"others can read it (mode {stat.S_IMODE(found.st_mode):04o}), and its URLs hold secrets"
        raise AlertUrlsRefused(f"{path}: {why}; mend: chmod 600 {path}")
    if found.st_uid not in (os.geteuid(), 0):
        raise AlertUrlsRefused(f"{path}: belongs to another user; mend: chown {os.geteuid()} {path}")


def _netloc(text: str) -> str:
    try:
        return urlsplit(text).netloc.rpartition("@")[2]
    except ValueError:
        return "***"
