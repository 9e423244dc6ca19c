"""Where alerts go: Apprise URLs from a private file or the environment. They hold secrets and are never shown."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from iamops.redact.known import learn

VARIABLE = "IAMOPS_ALERT_URLS"
HEARTBEAT = "heartbeat="
FILE_BYTES = 256 * 1024
# Schemes whose host is a host: it may be shown. Elsewhere it is often the token itself.
OWN_HOSTS = frozenset({"json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos", "http", "https"})
_PARTS = re.compile(r"[/?&=@:#,;\s]+")
_AUTHORITY = re.compile(r"(?:[^@]*@)?(?P<place>(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?)")
# What ends the authority ends it in a password too: a sign of it further on may be the rest of one. An address
# as a parameter is none.
_REST = re.compile(r"[^@]*|[^@?#]*\?[A-Za-z+:-][\w.+:-]*=.*", re.DOTALL)
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
        return f"{self.scheme}://{self.host or '***'}"

    @property
    def user(self) -> tuple[str, str] | None:
        name, _, password = self._named.partition(":")
        return (unquote(name), unquote(password)) if self._named else None

    @property
    def bare(self) -> str:
        return self.text.replace(f"{self._named}@", "", 1) if self._named else self.text

    def masked(self, text: str) -> str:
        """The text without anything that this URL holds but its host. What is short goes as a whole word only."""
        for secret in sorted(self.secrets(), key=len, reverse=True):
            if len(secret) >= SHORTEST_SECRET:
                text = text.replace(secret, "***")
            else:
                text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)
        return text

    def secrets(self) -> set[str]:
        """Everything in it but its host, as it stands and decoded; of short words only the password's."""
        host = {self.host, *self.host.split(":")}
        rest = self.text.partition("://")[2]
        named = rest.rpartition("@")[0]
        parts = {part for part in _PARTS.split(rest) if len(part) >= SHORTEST_SECRET}
        parts |= {self.text, named, named.partition(":")[2], *_PARTS.split(named.partition(":")[2])}
        return {form for part in parts for form in (part, unquote(part))} - host - {""}

    @property
    def host(self) -> str:
        """Host and port; empty where a part of the password could be taken for them."""
        authority, rest = _authority(self.text)
        match = _AUTHORITY.fullmatch(authority)
        known = self.scheme in OWN_HOSTS and match is not None and _REST.fullmatch(rest)
        return match["place"] if known and match is not None else ""

    @property
    def _named(self) -> str:
        return _authority(self.text)[0].rpartition("@")[0]


def destinations(path: Path | None, environment: str | None = None) -> Destinations:
    """From the file if one is given, else from the environment. Raises AlertUrlsRefused.

    What is secret in them is taken out of every text from then on.
    """
    if path is not None:
        lines = [(f"{path}:{number}", line) for number, line in enumerate(_read(path).splitlines(), start=1)]
    else:
        words = (os.environ.get(VARIABLE, "") if environment is None else environment).split()
        lines = [(f"{VARIABLE}, number {number}", word) for number, word in enumerate(words, start=1)]
    found = _parsed(lines)
    urls = (*found.urls, *((found.heartbeat,) if found.heartbeat else ()))
    learn({secret for url in urls for secret in url.secrets() if _TOKEN.fullmatch(secret)}, whole_only=True)
    return found


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
        elif url.scheme in ("http", "https") and not url.host:
            why = "expected https://HOST/…, or https://USER:PASSWORD@HOST/…, / ? # @ in them as %2F %3F %23 %40"
            raise AlertUrlsRefused(f"{place}: {why}")
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
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise AlertUrlsRefused(f"{path}: not a regular file")
        if found.st_mode & 0o077:
            why = f"others can read it (mode {stat.S_IMODE(found.st_mode):04o}), and its URLs hold secrets"
            raise AlertUrlsRefused(f"{path}: {why}; fix: chmod 600 {path}")
        if found.st_uid not in (os.geteuid(), 0):
            raise AlertUrlsRefused(f"{path}: belongs to another user; fix: chown {os.geteuid()} {path}")
        with os.fdopen(file, "rb", closefd=False) as source:
            content = source.read(FILE_BYTES + 1)
        if len(content) > FILE_BYTES:
            raise AlertUrlsRefused(f"{path}: more than {FILE_BYTES >> 10} KiB: this is no list of URLs")
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise AlertUrlsRefused(f"{path}: not UTF-8 text (byte {error.start})") from None
    finally:
        os.close(file)


def _authority(text: str) -> tuple[str, str]:
    """What stands before the path, and the rest (RFC 3986, 3.2)."""
    after = text.partition("://")[2]
    end = min((at for at in map(after.find, "/?#") if at >= 0), default=len(after))
    return after[:end], after[end:]
