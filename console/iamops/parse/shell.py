"""The commands of a shell script: their words, what they are piped from, where they write to. Never raises; pure.

Follows POSIX's token recognition (XCU 2.3) as far as that asks: quotes, comments, continued lines, here-documents,
redirections, substitutions. What a word's value is, is not evaluated, but for plain assignments before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Words before a command's own.
_RESERVED = {"if", "then", "elif", "else", "do", "while", "until", "!", "{", "time", "coproc"}
_ENDS = {"fi", "done", "esac", "}", "in"}
# Commands that run the command behind them, and their options that take a value.
_WRAPPERS = {
    "sudo": "ugpCh", "timeout": "ks", "nice": "n", "ionice": "cn", "env": "uS", "exec": "a", "command": "",
    "nohup": "", "setsid": "", "busybox": "", "stdbuf": "ioe", "xargs": "nIPdL", "eval": "",
}  # fmt: skip
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?-[^}]*)?\})")
_TOKEN = re.compile(
    r"(?P<space>[ \t]+|\\\n)|(?P<comment>(?<![^\s;&|()`])#[^\n]*)|(?P<heredoc>[0-9]?<<-?(?!<))"
    r"|(?P<redirect>[0-9]*(?:&>>?|<<<|<>|>>|>\||[<>]&?))|(?P<end>;;&?|;&|&&|\|\||\|&|[;&|()\n])"
)
_INTERPRETERS = re.compile(r"(?:ba|da|k|z|a)?sh|python[0-9.]*|perl|ruby")
# What is longer is no script that anyone wrote by hand.
MAX_CHARS = 200_000
MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Command:
    """`name`: its file's name; `words`: its arguments; `targets`: files of redirections; `piped`: what feeds it.

    `ran`: the name as it was written, with its directories.
    """

    ran: str
    words: tuple[str, ...]
    line: int
    targets: tuple[str, ...] = ()
    piped: Command | None = None

    @property
    def name(self) -> str:
        return self.ran.rpartition("/")[2]

    @property
    def text(self) -> str:
        """Without the files it writes to; with the host and port it speaks to."""
        devices = (target for target in self.targets if target.startswith(("/dev/tcp/", "/dev/udp/")))
        return " ".join((self.ran, *self.words, *devices)).strip()


def commands(text: str, line: int = 1) -> tuple[Command, ...]:
    """Of a script, or of one line such as `sh -c` takes; `line`: the number of its first."""
    return tuple(_ShellReader(text[:MAX_CHARS].replace("\r\n", "\n"), line, {}, 0).commands())


def interpreter(text: str) -> str:
    """The name behind `#!`: `sh`, `bash`, `python3`; empty where there is none."""
    words = text.partition("\n")[0].strip().removeprefix("#!").split() if text.startswith("#!") else []
    names = [word.rpartition("/")[2] for word in words if not word.startswith("-")]
    return next((name for name in names if name != "env"), "")


def runs(words: tuple[str, ...]) -> tuple[str, bool, str]:
    """What a command line runs: the script, whether through an interpreter, or the text behind `sh -c`."""
    words = _unwrapped(words)
    if not words or not _INTERPRETERS.fullmatch(words[0].rpartition("/")[2]):
        return (words[0] if words else ""), False, ""
    for at, word in enumerate(words[1:], start=1):
        if word.startswith("-") and not word.startswith("--") and word.endswith("c"):
            return "", True, words[at + 1] if len(words) > at + 1 else ""
        if not word.startswith(("-", "+")):
            return word, True, ""
    return "", True, ""


class _ShellReader:
    def __init__(self, text: str, line: int, values: dict[str, str], depth: int) -> None:
        self.text, self.at, self.line, self.values, self.depth = text, 0, line, values, depth
        self.waiting: list[tuple[str, bool]] = []
        self.inner: list[Command] = []
        self._strips = False

    def commands(self) -> Iterator[Command]:
        words: list[str] = []
        targets: list[str] = []
        piped: Command | None = None
        line, awaits, depth = self.line, "", 0
        while self.at < len(self.text):
            token = _TOKEN.match(self.text, self.at)
            if token is None:
                line = self.line if not words else line
                word = self._word()
                if awaits == "heredoc":
                    self.waiting.append((word, self._strips))
                elif awaits == "redirect":
                    targets.append(word)
                else:
                    words.append(word)
                awaits = ""
                continue
            self.at = token.end()
            kind, found = token.lastgroup, token[0]
            self.line += found.count("\n")
            if kind in ("heredoc", "redirect"):
                awaits, self._strips = kind, found.endswith("-")
            if kind != "end":
                continue
            if found == "(" and words and words[-1].endswith("="):
                # A list of values: `tools=(curl wget)`.
                self.at = self._closing(self.at) + 1
                continue
            if found == "\n":
                self._skip_documents()
            # `name()` begins a function; `a|b)` is a pattern of `case`.
            depth += (found == "(") - (found == ")")
            pattern = found == ")" and depth < 0
            depth = max(depth, 0)
            begun = None if pattern or (found == "(" and words) else self._command(words, targets, line, piped)
            yield from self._taken(begun)
            # The other side of a pipe may stand on the next line.
            if begun is not None or found != "\n":
                piped = begun if found in ("|", "|&") else None
            words, targets, awaits = [], [], ""
        yield from self._taken(self._command(words, targets, line, piped))

    def _taken(self, begun: Command | None) -> Iterator[Command]:
        yield from self.inner
        self.inner.clear()
        if begun is not None:
            yield begun

    def _command(self, words: list[str], targets: list[str], line: int, piped: Command | None) -> Command | None:
        own = list(words)
        while own and own[0] in _RESERVED | _ENDS:
            own.pop(0)
        if own[:1] in (["for"], ["case"], ["select"], ["function"]):
            return None
        while own and _ASSIGNMENT.match(own[0]):
            name, _, value = own.pop(0).partition("=")
            self.values[name] = value
        left = _unwrapped(tuple(own))
        if not left and not targets:
            return None
        return Command(left[0] if left else "", left[1:], line, tuple(targets), piped)

    def _skip_documents(self) -> None:
        for end, strips in self.waiting:
            while self.at < len(self.text):
                line, found, _ = self.text[self.at :].partition("\n")
                self.at += len(line) + len(found)
                self.line += len(found)
                if (line.lstrip("\t") if strips else line) == end:
                    break
        self.waiting = []

    def _word(self) -> str:
        """One word without its quotes; commands within are put aside."""
        made: list[str] = []
        text = self.text
        while self.at < len(text) and (char := text[self.at]) not in " \t\n;&|()<>":
            if char == "'":
                made.append(self._until("'"))
            elif char == '"':
                made.append(self._double())
            elif char == "\\":
                made.append(text[self.at + 1 : self.at + 2].strip("\n"))
                self.line += text[self.at + 1 : self.at + 2].count("\n")
                self.at += 2
            elif not self._substitution(made):
                made.append(char)
                self.at += 1
        if not made and self.at < len(text) and text[self.at] in "()<>":
            self.at += 1
        return "".join(made)

    def _until(self, end: str) -> str:
        found = self.text.find(end, self.at + 1)
        found = len(self.text) if found < 0 else found
        inside = self.text[self.at + 1 : found]
        self.line += inside.count("\n")
        self.at = found + 1
        return inside

    def _double(self) -> str:
        made: list[str] = []
        self.at += 1
        while self.at < len(self.text) and (char := self.text[self.at]) != '"':
            if char == "\\":
                made.append(self.text[self.at + 1 : self.at + 2].strip("\n"))
                self.line += self.text[self.at + 1 : self.at + 2].count("\n")
                self.at += 2
            elif not self._substitution(made):
                made.append(char)
                self.line += char == "\n"
                self.at += 1
        self.at += 1
        return "".join(made)

    def _substitution(self, made: list[str]) -> bool:
        """`$(…)`, backquotes, and a variable that was given a plain value."""
        text = self.text
        if text.startswith("`", self.at):
            line = self.line
            self._within(self._until("`"), line)
            made.append("$(…)")
        elif text.startswith("$(", self.at):
            line, end = self.line, self._closing(self.at + 2)
            inside = text[self.at + 2 : end]
            self.at = end + 1
            if not inside.startswith("("):
                self._within(inside, line)
            self.line = line + inside.count("\n")
            made.append("$(…)")
        elif (found := _VARIABLE.match(text, self.at)) is not None:
            made.append(self.values.get(found[1] or found[2], found[0]))
            self.at = found.end()
        else:
            return False
        return True

    def _closing(self, at: int) -> int:
        """Of `$(`: the parenthesis that closes it, quotes passed over."""
        depth, quote = 1, ""
        while at < len(self.text):
            char = self.text[at]
            if char == "\\" and quote != "'":
                at += 1
            elif quote:
                quote = "" if char == quote else quote
            elif char in "'\"":
                quote = char
            else:
                depth += (char == "(") - (char == ")")
                if depth == 0:
                    return at
            at += 1
        return len(self.text)

    def _within(self, text: str, line: int) -> None:
        if self.depth < MAX_DEPTH:
            self.inner += _ShellReader(text, line, self.values, self.depth + 1).commands()


def _unwrapped(words: tuple[str, ...]) -> tuple[str, ...]:
    """Without `sudo -u root`, `timeout 2` and their like, and assignments for `env`."""
    while words and (options := _WRAPPERS.get(words[0].rpartition("/")[2])) is not None:
        name, words = words[0].rpartition("/")[2], words[1:]
        if name == "command" and words[:1] in (("-v",), ("-V",)):
            return ("command", *words)
        while words and words[0].startswith("-"):
            valued = len(words[0]) == 2 and words[0][1] in options
            words = words[2:] if valued else words[1:]
        if name == "timeout":
            words = words[1:]
        while words and _ASSIGNMENT.match(words[0]):
            words = words[1:]
    return words
