"""The console's own errors. Textual would print every local variable on the way: answers of nodes, passwords."""

from __future__ import annotations

from rich.text import Text

from console.parse.safe_text import safe_lines
from console.session.own_fault import own_fault, traceback_of


def crash_report(error: BaseException | None) -> Text:
    """What is left on the terminal when the console is gone."""
    if error is None:
        return Text("iamops: ended by an error that was not told")
    return Text(safe_lines(f"{traceback_of(error)}iamops: {own_fault(error)}"))
