"""nginx's files, read by crossplane's lexer, into directives with their lines. Never raises; no I/O.

crossplane reads files only; what we read comes from a node or a rendering, so its lexer is given the text, and
the includes are resolved among the files at hand.
"""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from iamops.parse.directives import Directive, Mistake, ReadFile, matching

# nginx's statements: where one has lost its `;`, and what crossplane knows to be wrong with one.
#
# crossplane's lexer goes on to the next `;`, `{` or `}`, so that a statement without its `;` swallows those behind
# it. A word that begins a line and may begin a statement there gives it away, if both halves make sense.

Token = tuple[str, int, bool]
Context = tuple[str, ...]
# More words than any one statement has that is wrapped over several lines.
MAX_WRAPPED = 100
# nginx has come to take these in places, or with words, that crossplane 0.5.8 does not expect.
_NEWER = frozenset(
    {"add_header", "add_trailer", "keepalive", "resolver", "resolver_timeout", "server_tokens", "set"}
)


def split_statements(words: Sequence[Token], context: Context, term: str) -> Iterator[list[Token]]:
    """The statements in `words`; all but the last one have lost their `;`."""
    began = 0
    for at in range(1, len(words)):
        if at - began > MAX_WRAPPED or not _may_begin(words, at, context, term):
            continue
        if complaint(words[began:at], context, ";") is None:
            yield list(words[began:at])
            began = at
    yield list(words[began:])


def complaint(words: Sequence[Token], context: Context, term: str) -> str | None:
    """What nginx would say of the statement; None where nothing is known to be wrong."""
    from crossplane.analyzer import analyze
    from crossplane.errors import NgxParserBaseException

    name, line, _ = words[0]
    statement: dict[str, Any] = {"directive": name, "line": line, "args": [text for text, _, _ in words[1:]]}
    try:
        analyze("", statement, term, context)
    except NgxParserBaseException as error:
        return None if name in _NEWER else str(error.strerror)
    return None


def first_line(words: Sequence[Token], at: int = 0) -> list[Token]:
    """The words from `at` on that stand on its line."""
    line = words[at][1]
    return list(itertools.takewhile(lambda word: word[1] == line, (words[n] for n in range(at, len(words)))))


def _may_begin(words: Sequence[Token], at: int, context: Context, term: str) -> bool:
    from crossplane.analyzer import CONTEXTS, DIRECTIVES

    text, line, quoted = words[at]
    if quoted or line == words[at - 1][1] or text not in DIRECTIVES or context not in CONTEXTS:
        return False
    same_line = first_line(words, at)
    opens = "{" if term == "{" else ";"
    if at + len(same_line) == len(words):
        return complaint(same_line, context, opens) is None
    wrapped = len(words) - at <= MAX_WRAPPED and complaint(words[at:], context, opens) is None
    return wrapped or complaint(same_line, context, ";") is None


HOME = "/etc/nginx"
# Blocks within blocks, includes counted: far more than anyone writes, far less than the stack holds.
MAX_DEPTH = 60
# Files that include one another twice each would be read for ever.
MAX_READS = 1000
# What packages bring along is not ours to judge, and is not at hand.
PACKAGED = ("mime.types", "modules-enabled/", "/usr/share/nginx/")


def nginx_conf(files: Mapping[str, str]) -> ReadFile:
    """nginx.conf with what it includes. `files`: absolute path -> text."""
    reader = _Reader(files)
    found = reader.file(_Scope(f"{HOME}/nginx.conf", (), 0))
    return ReadFile(tuple(found), tuple(reader.mistakes), tuple(reader.includes), tuple(reader.by_file))


class _Scope(NamedTuple):
    """Where a statement stands: its file, the blocks around it, and how many, includes counted."""

    path: str
    context: Context
    depth: int


class _Reader:
    """One tree; every mistake goes into one list."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files
        self._open: list[str] = []
        self._reads = 0
        self.mistakes: list[Mistake] = []
        self.includes: dict[str, None] = {}
        self.by_file: dict[tuple[str, str], None] = {}

    def file(self, scope: _Scope) -> list[Directive]:
        self._open.append(scope.path)
        self._reads += 1
        tokens = _Tokens(list(self._tokens(scope.path)))
        found = self._block(tokens, scope)
        if (stray := tokens.next()) is not None:
            self._complain(scope.path, stray[1], "a closing brace without an opening one")
        self._open.pop()
        return found

    def _tokens(self, path: str) -> Iterator[Token]:
        from crossplane.errors import NgxParserBaseException
        from crossplane.lexer import _lex_file_object

        try:
            for text, line, quoted in _lex_file_object([self._files.get(path, "") + "\n"]):
                if quoted or not text.startswith("#"):
                    yield text, line, quoted
        except NgxParserBaseException as error:
            self._complain(path, error.lineno or 1, f"cannot be read: {error.strerror}")

    def _block(self, tokens: _Tokens, scope: _Scope) -> list[Directive]:
        """Directives up to the closing brace, which is left where it is, or to the end."""
        found: list[Directive] = []
        while (end := tokens.statement()) is not None:
            words, (term, line) = tokens.words, end
            if term != "}" and not words:
                self._complain(scope.path, line, f"`{term}` with nothing before it")
                words = [("", line, False)] if term == "{" else []
            if words:
                found += self._statements(words, term, tokens, scope)
            if term in ("}", ""):
                break
        return found

    def _statements(self, words: list[Token], term: str, tokens: _Tokens, scope: _Scope) -> list[Directive]:
        *lost, last = split_statements(words, scope.context, term)
        found: list[Directive] = []
        for statement in lost:
            self._lacks(statement, scope)
            found += self._simple(statement, scope)
        if term == "{":
            return [*found, self._nested(last, tokens, scope)]
        if term == ";":
            self._analyze(last, ";", scope)
        else:
            self._lacks(last, scope)
        return found + self._simple(last, scope)

    def _nested(self, words: list[Token], tokens: _Tokens, scope: _Scope) -> Directive:
        name, line, _ = words[0]
        block: list[Directive] = []
        if name:
            self._analyze(words, "{", scope)
        if scope.depth < MAX_DEPTH:
            # crossplane knows one context for locations within locations.
            in_http = scope.context[:1] == ("http",) and name == "location"
            inner = ("http", "location") if in_http else (*scope.context, name)
            block = self._block(tokens, _Scope(scope.path, inner, scope.depth + 1))
        else:
            self._complain(scope.path, line, "blocks are nested too deep to be read")
            tokens.skip_block()
        if tokens.next() is None:
            self._complain(scope.path, line, f"`{name or '{'}` has no closing brace")
        return _directive(words, scope.path, tuple(block))

    def _simple(self, words: list[Token], scope: _Scope) -> list[Directive]:
        directive = _directive(words, scope.path, None)
        if directive.name == "include" and len(directive.args) == 1:
            return self._included(directive, scope)
        return [directive]

    def _analyze(self, words: list[Token], term: str, scope: _Scope) -> None:
        wrong = complaint(words, scope.context, term)
        if wrong is None:
            return
        line = first_line(words)
        # The line behind may begin with a directive that crossplane does not know.
        if term == ";" and len(line) < len(words) and complaint(line, scope.context, ";") is None:
            self._lacks(line, scope)
        else:
            self._complain(scope.path, words[0][1], wrong)

    def _lacks(self, words: list[Token], scope: _Scope) -> None:
        # Name and first argument: what comes behind may be a secret (proxy_set_header Authorization …).
        shown = " ".join(text for text, _, _ in words[:2])
        self._complain(scope.path, words[-1][1], f"`{shown}` lacks its `;`")

    def _included(self, directive: Directive, scope: _Scope) -> list[Directive]:
        if any(part in directive.arg for part in PACKAGED):
            return []
        pattern = posixpath.join(HOME, directive.arg)
        self.includes[pattern] = self.by_file[directive.file, pattern] = None
        paths = matching(self._files, pattern)
        if not paths and not set(pattern) & set("*?["):
            message = f"{pattern} is included, but is not at hand"
            self.mistakes.append(Mistake(directive.file, directive.line, message, known=True))
        found: list[Directive] = []
        for path in paths:
            if path in self._open:
                self._complain(directive.file, directive.line, "includes go in a circle")
            elif self._reads >= MAX_READS or scope.depth >= MAX_DEPTH:
                self._complain(directive.file, directive.line, "more includes than can be read")
                break
            else:
                found += self.file(_Scope(path, scope.context, scope.depth + 1))
        return found

    def _complain(self, path: str, line: int, message: str) -> None:
        self.mistakes.append(Mistake(path, line, message))


class _Tokens:
    """A file's tokens, read once from front to back. `words`: those of the last statement."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens, self._at = tokens, 0
        self.words: list[Token] = []

    def next(self) -> Token | None:
        if self._at >= len(self._tokens):
            return None
        self._at += 1
        return self._tokens[self._at - 1]

    def statement(self) -> tuple[str, int] | None:
        """Reads up to `;` or `{`, or up to a `}`, which stays; "" stands for the end of the file."""
        self.words = []
        while (token := self.next()) is not None:
            text, line, quoted = token
            if quoted or text not in (";", "{", "}"):
                self.words.append(token)
                continue
            if text == "}":
                self._at -= 1
            return text, line
        return ("", self.words[-1][1]) if self.words else None

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


def _directive(words: list[Token], path: str, block: tuple[Directive, ...] | None) -> Directive:
    lines = tuple(line for _, line, _ in words)
    return Directive(words[0][0], tuple(text for text, _, _ in words[1:]), path, lines[0], block, lines)
