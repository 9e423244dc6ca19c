"""The command's stdout and stderr. What cannot be written stops no command, and makes no failure a success.

A reader that has gone (`| head`) has seen enough: the command's own exit code stands. A result that was lost in
any other way (a full disk, a closed descriptor) is reported on stderr, and a success without its result is not 0.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import select
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, TextIO

from iamops.model.exit_code import ExitCode
from iamops.model.text import one_line, safe_lines

LAST_WORD_S = 0.3
ESCAPED = "iamops-escaped"


class CliError(Exception):
    """Ends the command: a sentence for stderr, and the exit code."""

    def __init__(self, message: str, code: ExitCode = ExitCode.USAGE) -> None:
        super().__init__(message)
        self.code = code


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """What the terminal's encoding does not have, as JSON writes it (`\\u2717`), so that JSON stays JSON."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2)), error.end


codecs.register_error(ESCAPED, _escaped)


class OutputStream:
    """A text stream that remembers why it could not be written, and is silent from then on.

    The edge of everything that is printed: of what is written to it, nothing but text arrives.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.failure: OSError | None = None
        self._closed = stream is None
        self._stream: TextIO = stream or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
        if isinstance(self._stream, io.TextIOWrapper):
            self._stream.reconfigure(errors=ESCAPED)

    def write(self, text: str) -> int:
        """It may have several lines. No control character, colour or hidden text passes."""
        self.draw(safe_lines(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def draw(self, text: str) -> None:
        """For text with our own colours or cursor movements, made harmless before these were added."""
        if self._closed and text:
            self.failed(OSError(errno.EBADF, os.strerror(errno.EBADF)))
        self._attempt(lambda: self._stream.write(text))

    def flush(self) -> None:
        self._attempt(self._stream.flush)

    def _attempt(self, operation: Callable[[], object]) -> None:
        if self.failure is None:
            try:
                operation()
            except OSError as failure:
                self.failed(failure)

    def fileno(self) -> int:
        """A stream that the caller has closed has none: its stand-in takes everything, and nobody reads it."""
        if self._closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._stream.fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def failed(self, failure: OSError) -> None:
        """What still lies in the buffer goes nowhere: the interpreter would try to write it once more."""
        self.failure = self.failure or failure
        with contextlib.suppress(OSError, ValueError):  # a stream of a test has no descriptor
            descriptor = self._stream.fileno()
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)


def reserve_descriptors() -> None:
    """A standard descriptor that the caller has closed would be given to the next socket, and be printed into."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


@contextlib.contextmanager
def watched() -> Iterator[OutputStream]:
    """Guards stdin, stdout and stderr while a command runs; yields stdout.

    A stdin that the caller has closed is an empty one: no terminal, and nothing to read.
    """
    before = sys.stdin, sys.stdout, sys.stderr
    out, err = OutputStream(sys.stdout), OutputStream(sys.stderr)
    sys.stdin = sys.stdin or Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    sys.stdout, sys.stderr = out, err
    try:
        yield out
    finally:
        out.flush()
        err.flush()
        sys.stdin, sys.stdout, sys.stderr = before


def stdout_failed() -> bool:
    """Whether what is printed is lost: a command that prints for ever asks, and ends."""
    return isinstance(sys.stdout, OutputStream) and sys.stdout.failure is not None


def settled_code(code: int) -> int:
    """What `settled` will make of the command's code."""
    failure = sys.stdout.failure if isinstance(sys.stdout, OutputStream) else None
    lost = failure is not None and not isinstance(failure, BrokenPipeError)
    return code or (ExitCode.UNKNOWN if lost else ExitCode.OK)


def settled(code: int, out: OutputStream) -> int:
    """The command's code, unless that is success and its result was lost."""
    out.flush()
    failure = out.failure
    if failure is None or isinstance(failure, BrokenPipeError):
        return code
    writable = True
    with contextlib.suppress(OSError, ValueError):  # no descriptor: nothing to wait for
        # A terminal that takes nothing must not keep a command that is over.
        writable = bool(select.select([], [sys.stderr.fileno()], [], LAST_WORD_S)[1])
    if writable:
        print(f"iamops: the result could not be written to stdout: {failure.strerror}", file=sys.stderr)
    return code or ExitCode.UNKNOWN


def not_written(path: str, text: str) -> str | None:
    """Writes a document into the file that was asked for; returns why it could not be written, if so."""
    from iamops.session.user_files import write_private

    try:
        write_private(Path(path), safe_lines(text))
    except OSError as error:
        return f"{path}: {error.strerror}"
    return None


# Lines for stdout: none of them can begin another, and some begin in colour where a terminal shows it.

RED, GREEN, YELLOW, CYAN = 31, 32, 33, 36
SEVERITY_COLOURS = {"critical": RED, "warning": YELLOW, "info": CYAN}


class Coloured(str):
    """Plain text that knows in which colour its first characters are meant. Printed as it is, it has none:
    a colour is put in at the edge, where foreign text has been made harmless.
    """

    colour: int
    length: int

    def __new__(cls, text: str, colour: int, length: int | None = None) -> Coloured:
        """`length`: how many characters; None: all."""
        line = super().__new__(cls, text)
        line.colour, line.length = colour, len(text) if length is None else length
        return line


def columns(rows: Iterable[Sequence[str]], *, right: bool = False) -> Iterator[str]:
    """Aligned rows: a column is as wide as its widest text. `right`: all columns but the first hold numbers."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip_longest(*table, fillvalue="")]
    for row in table:
        cells = [
            text.rjust(width) if right and at else text.ljust(width)
            for at, (text, width) in enumerate(zip(row, widths, strict=False))
        ]
        yield "  ".join(cells).rstrip()


def wrapped(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    """At least one line. Commands stay whole: nothing is broken at a hyphen."""
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False) or [
        first.rstrip()
    ]


def print_lines(lines: Iterable[str]) -> None:
    """One line for each text; no text can begin another line."""
    out = sys.stdout
    if isinstance(out, OutputStream) and out.isatty() and not os.environ.get("NO_COLOR"):
        out.draw("".join(f"{painted(line)}\n" for line in lines))
    else:
        print("\n".join(map(one_line, lines)))


def painted(line: str) -> str:
    if not isinstance(line, Coloured):
        return one_line(line)
    head, tail = one_line(line[: line.length]), one_line(line[line.length :])
    return f"\x1b[{line.colour}m{head}\x1b[0m{tail}"
