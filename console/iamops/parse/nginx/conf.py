"""nginx's files read into directives with their lines, includes in their places. Never raises; no I/O.

What we read comes from a node or a rendering: the includes are resolved among the files at hand. One that finds
nothing stays in its block, so that a reader sees that something may be missing there.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import NamedTuple

from iamops.parse.directives import Directive, Mistake, ReadFile, matching
from iamops.parse.nginx.statement import (
    MAIN,
    complaint,
    first_line,
    inner_context,
    judged,
    once_in,
    split_statements,
)
from iamops.parse.nginx.tokens import BOM, OPEN_QUOTE, ConfToken, tokens

HOME = "/etc/nginx"
# Blocks within blocks, includes counted: far more than anyone writes, far less than the stack holds.
MAX_DEPTH = 60
# Files that include one another twice each would be read for ever.
MAX_READS = 1000
# What packages bring along is not ours to judge, and is not at hand.
PACKAGED = ("mime.types", "modules-enabled/", "/usr/share/nginx/")
# Packaged too, and often edited: read where they are at hand, and not missed where they are not.
_BESIDE = frozenset(
    {
        "fastcgi.conf", "fastcgi_params", "uwsgi_params", "scgi_params", "proxy_params", "koi-utf", "koi-win",
        "win-utf", "snippets/fastcgi-php.conf", "snippets/snakeoil.conf",
    }
)  # fmt: skip
_SIGNS = frozenset(";{}")
STRAY_BRACE = "a closing brace without an opening one"
# How the mistakes end that are none of nginx's: a file to be looked for, and a name to be told.
NOT_AT_HAND = "is included, but is not at hand"
NOT_JUDGED = "is a directive of a module that is not known here"


def nginx_conf(files: Mapping[str, str]) -> ReadFile:
    """nginx.conf with what it includes. `files`: absolute path -> text."""
    reader = _Reader(files)
    found = reader.file(_Scope(f"{HOME}/nginx.conf", MAIN, 0, set()))
    return ReadFile(tuple(found), tuple(reader.mistakes), tuple(reader.includes), tuple(reader.by_file))


class _Scope(NamedTuple):
    """Where a statement stands: its file, the context, how many blocks are around it, includes counted, and the
    names that the block has already had.
    """

    path: str
    context: str
    depth: int
    seen: set[str]


class _Reader:
    """One tree; every mistake goes into one list."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files
        self._open: list[str] = []
        self._reads = 0
        self._unjudged = set[str]()
        self.mistakes: list[Mistake] = []
        self.includes: dict[str, None] = {}
        self.by_file: dict[tuple[str, str], None] = {}

    def file(self, scope: _Scope) -> list[Directive]:
        self._open.append(scope.path)
        self._reads += 1
        text = self._files.get(scope.path, "")
        if text.startswith(BOM):
            text = text.removeprefix(BOM)
            first = (text.split() or [""])[0][:40]
            self._complain(scope.path, 1, f"a byte order mark before `{first}`, which nginx takes as part of it")
        wrong: list[tuple[int, str]] = []
        read = _Tokens(list(tokens(text, wrong)))
        for line, message in wrong:
            self._complain(scope.path, line, message)
        # Behind a quote that does not end nothing can be missed.
        read.ended = any(message.startswith(OPEN_QUOTE) for _, message in wrong)
        found = self._block(read, scope)
        if (stray := read.next()) is not None:
            self._complain(scope.path, stray.line, STRAY_BRACE)
        self._open.pop()
        return found

    def _block(self, read: _Tokens, scope: _Scope) -> list[Directive]:
        """Directives up to the closing brace, which is left where it is, or to the end."""
        found: list[Directive] = []
        while (end := read.statement()) is not None:
            words, (term, line) = read.words, end
            if term != "}" and not words:
                self._complain(scope.path, line, f"`{term}` with nothing before it")
                words = [ConfToken("", line)] if term == "{" else []
            if words:
                found += self._statements(words, term, read, scope)
            if term in ("}", ""):
                break
        return found

    def _statements(self, words: list[ConfToken], term: str, read: _Tokens, scope: _Scope) -> list[Directive]:
        *lost, last = split_statements(words, scope.context, term)
        found: list[Directive] = []
        for statement in lost:
            self._lacks(statement, scope)
            found += self._simple(statement, scope)
        if term == "{":
            return [*found, self._nested(last, read, scope)]
        if term == ";":
            self._judge(last, ";", scope)
        elif not (term == "" and read.ended):
            self._lacks(last, scope)
        return found + self._simple(last, scope)

    def _nested(self, words: list[ConfToken], read: _Tokens, scope: _Scope) -> Directive:
        name, line, _ = words[0]
        block: list[Directive] = []
        if name:
            self._judge(words, "{", scope)
        if scope.depth < MAX_DEPTH:
            inner = inner_context(scope.context, name)
            block = self._block(read, _Scope(scope.path, inner, scope.depth + 1, set()))
        else:
            self._complain(scope.path, line, "blocks are nested too deep to be read")
            read.skip_block()
        if read.next() is None and not read.ended:
            # Those around it end with it; nginx speaks of one as well.
            read.ended = True
            self._complain(scope.path, line, f"`{name or '{'}` has no closing brace")
        return _directive(words, scope.path, tuple(block))

    def _simple(self, words: list[ConfToken], scope: _Scope) -> list[Directive]:
        directive = _directive(words, scope.path, None)
        if directive.name == "include" and len(directive.args) == 1:
            return self._included(directive, scope)
        return [directive]

    def _judge(self, words: list[ConfToken], term: str, scope: _Scope) -> None:
        name, line, _ = words[0]
        wrong = complaint(words, scope.context, term)
        if wrong is None:
            if name in scope.seen and once_in(scope.context, name):
                self._complain(scope.path, line, f'"{name}" directive is duplicate')
            scope.seen.add(name)
            if name not in self._unjudged and not judged(scope.context, name):
                self._unjudged.add(name)
                self.mistakes.append(Mistake(scope.path, line, f"`{name}` {NOT_JUDGED}", known=True))
            return
        own = first_line(words)
        # The line behind may begin with a directive that is not known here.
        if term == ";" and len(own) < len(words) and complaint(own, scope.context, ";") is None:
            self._lacks(own, scope)
        else:
            self._complain(scope.path, line, wrong)

    def _lacks(self, words: list[ConfToken], scope: _Scope) -> None:
        # Name and first argument: what comes behind may be a secret (proxy_set_header Authorization …).
        shown = " ".join(word.text for word in words[:2])
        self._complain(scope.path, words[-1].line, f"`{shown}` lacks its `;`")

    def _included(self, directive: Directive, scope: _Scope) -> list[Directive]:
        if any(part in directive.arg for part in PACKAGED):
            return []
        pattern = posixpath.join(HOME, directive.arg)
        self.includes[pattern] = self.by_file[directive.file, pattern] = None
        # Without a glob there is one name to look up, among as many files as there are.
        globbed = bool(set(pattern) & set("*?["))
        paths = matching(self._files if globbed else self._files.keys() & {pattern}, pattern)
        if not paths:
            if pattern.removeprefix(f"{HOME}/") in _BESIDE:
                return []
            self.mistakes.append(Mistake(directive.file, directive.line, f"{pattern} {NOT_AT_HAND}", known=True))
        found: list[Directive] = [] if paths else [directive]
        for path in paths:
            if path in self._open:
                self._complain(directive.file, directive.line, "includes go in a circle")
            elif self._reads >= MAX_READS or scope.depth >= MAX_DEPTH:
                self._complain(directive.file, directive.line, "more includes than can be read")
                break
            else:
                found += self.file(_Scope(path, scope.context, scope.depth + 1, scope.seen))
        return found

    def _complain(self, path: str, line: int, message: str) -> None:
        self.mistakes.append(Mistake(path, line, message))


class _Tokens:
    """A file's tokens, read once from front to back. `words`: those of the last statement. `ended`: it has been
    complained of its end.
    """

    def __init__(self, tokens: list[ConfToken]) -> None:
        self._tokens, self._at = tokens, 0
        self.words: list[ConfToken] = []
        self.ended = False

    def next(self) -> ConfToken | None:
        if self._at >= len(self._tokens):
            return None
        self._at += 1
        return self._tokens[self._at - 1]

    def statement(self) -> tuple[str, int] | None:
        """Reads up to `;` or `{`, or up to a `}`, which stays; "" stands for the end of the file."""
        began = self._at
        for at in range(began, len(self._tokens)):
            text, line, quoted = self._tokens[at]
            if text in _SIGNS and not quoted:
                self.words, self._at = self._tokens[began:at], at + (text != "}")
                return text, line
        self.words, self._at = self._tokens[began:], len(self._tokens)
        return ("", self.words[-1].line) if self.words else None

    def skip_block(self) -> None:
        """On to the brace that closes the block just opened."""
        depth = 0
        while (token := self.next()) is not None:
            text, _, quoted = token
            depth += 0 if quoted else (text == "{") - (text == "}")
            if depth < 0:
                self._at -= 1
                return


def upstreams(reading: ReadFile) -> dict[str, tuple[Directive, ...]]:
    """name -> its servers."""
    found = (upstream for http in reading.all("http") for upstream in http.all("upstream"))
    return {upstream.arg: upstream.all("server") for upstream in found}


def servers(reading: ReadFile) -> tuple[Directive, ...]:
    return tuple(server for http in reading.all("http") for server in http.all("server"))


def _directive(words: list[ConfToken], path: str, block: tuple[Directive, ...] | None) -> Directive:
    texts, lines, _ = zip(*words, strict=True)
    return Directive(texts[0], texts[1:], path, lines[0], block, lines)
