"""A triage as text and as documents: what comes first, what is folded, and what is harmless."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from iamops.cli.output import painted
from iamops.cli.triage.forms import triage_lines
from iamops.judge.findings import Diagnosis
from iamops.report.triage import markdown
from tests.support.triage_samples import (
    CHECKED,
    DARK,
    FLAPPING,
    MOVED,
    NO_GRANT,
    SILENT,
    SPLIT,
    Look,
    healthy,
    troubled,
)


def lines(look: Look, width: int = 80, **options: object) -> list[str]:
    return list(triage_lines(look, width=width, **options))  # type: ignore[arg-type]


def test_documents_go_to_files_beside_the_text(run, tmp_path: Path) -> None:
    files = {form: tmp_path / form for form in ("json", "junit", "markdown")}
    options = [word for form, path in files.items() for word in (f"--{form}", str(path))]
    code, out, _ = run(troubled(), *options)
    assert code == 1
    assert "CRITICAL" in out
    assert json.loads(files["json"].read_text())["schema"] == "iamops.triage/1"
    assert files["junit"].read_text().startswith("<?xml")
    assert files["markdown"].read_text().startswith("**Triage of lab**")


def test_a_document_on_stdout_is_all_there_is(run) -> None:
    _, out, err = run(troubled(), "--json")
    assert json.loads(out)["schema"] == "iamops.triage/1"
    assert err == ""


def test_a_file_that_cannot_be_written_is_2_and_the_text_is_not_lost(run, tmp_path: Path) -> None:
    code, out, err = run(healthy(), "--json", str(tmp_path / "no" / "such.json"))
    assert code == 2
    assert "no findings" in out
    assert "iamops.triage/1" in err


def test_the_worst_comes_first_with_evidence_symptoms_and_the_next_step() -> None:
    said = lines(troubled())
    text = "\n".join(said)
    assert text.index("split-brain") < text.index("datastore-host-not-allowed")
    assert said[0].startswith("CRITICAL ")
    assert "iam-a: has 10.0.4.99 (kernel addresses, 0.4 s ago)" in text
    assert any(re.match(r" +explains critical .*client-dark", line) for line in said)
    assert f"  next     {SPLIT.next}" in said


def test_everything_that_follows_is_told_each_under_what_explains_it() -> None:
    """What a cause explains may explain something itself, and that may be the worst of all."""
    nested = replace(NO_GRANT, explains=(replace(DARK, explains=(FLAPPING,)),))
    text = lines(Look(Diagnosis((nested,), (), CHECKED)))
    (outer,), (inner,) = ([line for line in text if each.title[:30] in line] for each in (DARK, FLAPPING))
    assert inner.index("warning ") == outer.index("critical ") + 2
    page = markdown(Look(Diagnosis((nested,), (), CHECKED)))
    assert "\n- explains critical " in page
    assert "\n  - warning " in page


def test_what_cannot_be_told_is_said_once_a_reason() -> None:
    text = "\n".join(lines(troubled()))
    assert text.count(SILENT) == 1
    assert "whether nginx answers" in text
    assert "how full the disk is" in text


@pytest.mark.parametrize("width", [20, 60, 80, 100, 300])
def test_no_line_is_longer_than_the_screen_or_100(width: int) -> None:
    long = replace(NO_GRANT, title="t " * 200, cause="c" * 300, next="iamops " + "x" * 200)
    look = Look(Diagnosis((replace(SPLIT, explains=(long,)), long), (), CHECKED), timeline=(MOVED,))
    assert max(map(len, lines(look, width, since_s=60.0))) <= max(60, min(width, 100))


def test_a_command_is_not_broken_at_a_hyphen() -> None:
    said = lines(Look(Diagnosis((replace(NO_GRANT, next="iamops restart nginx iam-b " + "--dry-run " * 9),))))
    assert all(not line.rstrip().endswith("-") for line in said)


def test_colours_mark_only_the_severity_word() -> None:
    said = lines(troubled())
    assert painted(said[0]).startswith("\x1b[31mCRITICAL\x1b[0m ")
    assert "\x1b" not in "".join(said)


def test_no_colour_reaches_a_pipe(run) -> None:
    assert "\x1b" not in run(troubled())[1]


def test_hostile_text_cannot_move_the_cursor() -> None:
    said = lines(Look(Diagnosis((replace(NO_GRANT, title="x\x1b[2J\ny", next="z\x07"),))))
    assert "\x1b" not in "".join(said)
    assert "\x07" not in "".join(said)


def test_the_timeline_is_dated_and_names_its_sources() -> None:
    said = lines(healthy(timeline=(MOVED,), unavailable=("iam-a: the journal: no answer",)), since_s=3600.0)
    text = "\n".join(said)
    assert "what happened since 2025-10-09" in text
    assert re.search(r"\d\d:52:30\.000  iam-b    vip     VI_1 entered MASTER", text)
    assert "not told: iam-a: the journal: no answer" in text


def test_an_empty_timeline_is_only_nothing_if_everybody_told() -> None:
    assert "  nothing" in lines(healthy(), since_s=60.0)
    assert "  nothing" not in lines(healthy(unavailable=("iam-a: x",)), since_s=60.0)
