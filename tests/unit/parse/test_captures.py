"""What tools print, and what a reader makes of it: a file in captures/ each, by the reader's name.

A file has `command` (what was run or asked), `output` (or `output_file`, below tests/fixtures) and `expected`, and
`given` where a reader is told more than the output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from iamops.model.config import DaemonCheck
from iamops.parse.answers import mariadb_greeting, mongodb_answer, redis_answer
from iamops.parse.config_files import complaints
from iamops.parse.inspection import filesystems, inspect_error_log, inspect_journal
from iamops.parse.systemd import exit_story, journal_of, reason_line, reason_of_starts

CAPTURES = Path(__file__).parent / "captures"
FIXTURES = Path(__file__).parents[2] / "fixtures"
FILES = sorted(CAPTURES.glob("*/*.yaml"))
Reader = Callable[[str, dict[str, Any]], object]


def start_failure(output: str, given: dict[str, Any]) -> object:
    read = journal_of(output)
    return {"reason": reason_of_starts(read.starts), "exits": exit_story(read.exits, {}, given["seconds"])}


# Readers that take more than one text.
READERS: dict[str, Reader] = {
    "answers.mariadb_greeting": lambda output, _: mariadb_greeting(output.encode("latin-1")),
    "answers.mongodb_answer": lambda output, _: mongodb_answer(output.encode("latin-1")),
    "answers.redis_answer": lambda output, _: redis_answer(output.encode("latin-1")),
    "config_files.complaints": lambda output, given: complaints(DaemonCheck("iam-a", output=output, **given)),
    "inspection.filesystems": lambda output, given: filesystems(output, given["inodes"]),
    "inspection.inspect_error_log": lambda output, given: inspect_error_log(output.encode().splitlines(), **given),
    "inspection.inspect_journal": lambda output, given: inspect_journal(output.encode().splitlines(), **given),
    "systemd.reason_line": lambda output, _: reason_line(output.splitlines()),
    "systemd.start_failure": start_failure,
}


@pytest.mark.parametrize("path", FILES, ids=[f"{path.parent.name}/{path.stem}" for path in FILES])
def test_a_captured_output_is_read_as_it_says(path: Path):
    capture = yaml.safe_load(path.read_text(encoding="utf-8"))
    output = capture.get("output")
    if output is None:
        output = (FIXTURES / capture["output_file"]).read_text(encoding="utf-8")
    assert plain(reader(path.parent.name)(output, capture.get("given", {}))) == capture["expected"]


def reader(name: str) -> Reader:
    if name in READERS:
        return READERS[name]
    module, _, function = name.rpartition(".")
    read = getattr(import_module(f"iamops.parse.{module}"), function)
    return lambda output, _: read(output)


def plain(value: object) -> Any:
    match value:
        case Enum():
            return value.value if isinstance(value, str) else value.name
        case datetime():
            return value.isoformat()
        case Mapping():
            return {str(plain(key)): plain(each) for key, each in value.items()}
        case Set():
            return sorted(plain(each) for each in value)
        case list() | tuple():
            return [plain(each) for each in value]
        case _ if is_dataclass(value):
            return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    return value
