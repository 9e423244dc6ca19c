"""`iamops triage`: the command line, its text, its exit codes, its runbook."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from iamops.cli.main import main
from iamops.cli.output import painted
from iamops.cli.triage import explain
from iamops.cli.triage import run as triage_session
from iamops.cli.triage.forms import triage_lines
from iamops.judge.findings import Diagnosis
from iamops.judge.runbook.catalogue import BY_NUMBER, CATALOGUE
from iamops.judge.runbook.entry import RunbookEntry
from iamops.model.facts import Severity
from iamops.report.triage import markdown
from iamops.session.bundle.archive import BundleRefused
from iamops.session.bundle.bundle import BundleReport
from tests.unit.judge.triage_samples import (
    CHECKED,
    DARK,
    FLAPPING,
    MOVED,
    NO_GRANT,
    SILENT,
    SPLIT,
    Look,
    half_blind,
    healthy,
    troubled,
)

ENTRY = RunbookEntry(
    "T901",
    "tea-cold",
    Severity.WARNING,
    "the tea is cold",
    "Nobody drinks it, which hurts the operator on call.",
    "a thermometer, on each node",
    ("it stood for an hour", "the kettle is off"),
    ("iamops status", "put the kettle on, with --dry-run first"),
)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs the command line on a look made by hand."""

    def command(look: Look, *argv: str) -> tuple[int, str, str]:
        async def examine(profile, *, timeout_s, since_s, spent_s, also) -> Look:
            command.asked = (timeout_s, since_s)
            command.spent_s = spent_s
            assert "iamops.cli.triage.forms" in also
            return look

        monkeypatch.setattr(triage_session, "examine", examine)
        try:
            code = main(["--profile", "lab", "triage", *argv])
        except SystemExit as ending:
            code = int(ending.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


@pytest.fixture
def runbook(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue of one entry."""
    for module in ("iamops.cli.triage.explain", "iamops.judge.runbook.catalogue"):
        monkeypatch.setattr(f"{module}.CATALOGUE", {ENTRY.code: ENTRY})
        monkeypatch.setattr(f"{module}.BY_NUMBER", {ENTRY.number: ENTRY})


def lines(look: Look, width: int = 80, **options: object) -> list[str]:
    return list(triage_lines(look, width=width, **options))  # type: ignore[arg-type]


# --- exit codes ---


@pytest.mark.parametrize(
    ("floor", "look", "code"),
    [
        ("critical", troubled(), 1),
        ("critical", healthy(), 0),
        ("critical", Look(Diagnosis((NO_GRANT,), (), CHECKED)), 0),
        ("warning", Look(Diagnosis((NO_GRANT,), (), CHECKED)), 1),
        ("never", troubled(), 0),
        ("critical", half_blind(), 0),
        ("critical", Look(Diagnosis(()), not_inspected={"iam-a": SILENT, "iam-b": SILENT}), 4),
        ("never", Look(Diagnosis(()), not_inspected={"iam-a": SILENT, "iam-b": SILENT}), 4),
    ],
)
def test_the_exit_code_follows_the_asked_severity(run, floor: str, look: Look, code: int) -> None:
    assert run(look, "--fail-on", floor)[0] == code


def test_critical_is_the_default(run) -> None:
    assert run(Look(Diagnosis((NO_GRANT,), (), CHECKED)))[0] == 0
    assert run(troubled())[0] == 1


def test_a_warning_that_explains_a_critical_finding_fails_too(run) -> None:
    look = Look(Diagnosis((replace(NO_GRANT, explains=(SPLIT,)),), (), CHECKED))
    assert run(look)[0] == 1


def test_nobody_reached_is_4_and_still_prints_what_is_known(run) -> None:
    code, out, _ = run(Look(Diagnosis(()), not_inspected={"iam-a": SILENT, "iam-b": SILENT}))
    assert code == 4
    assert SILENT in out
    assert "nothing is known to be well" in out


# --- arguments ---


@pytest.mark.parametrize("bad", ["0s", "x", "1w", "-5m", "2999-01-01T00:00", "", "１h"])
def test_a_bad_span_is_a_sentence_and_2(run, bad: str) -> None:
    code, _, err = run(healthy(), f"--since={bad}")
    assert code == 2
    assert "--since" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("bad", ["0", "-1", "nan", "inf", "1e9", "soon"])
def test_a_bad_timeout_is_a_sentence_and_2(run, bad: str) -> None:
    assert run(healthy(), f"--timeout={bad}")[0] == 2


def test_the_span_and_the_timeout_reach_the_look(run) -> None:
    run(healthy(), "--since", "2h", "--timeout", "5")
    assert run.asked == (5.0, 7200.0)
    run(healthy())
    assert run.asked == (10.0, None)


def test_only_one_document_fits_on_stdout(run) -> None:
    code, _, err = run(healthy(), "--json", "--markdown")
    assert code == 2
    assert "only one" in err


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


# --- the bundle ---


def test_a_bundle_that_cannot_be_written_is_refused_before_anything_is_looked_at(run, monkeypatch) -> None:
    def refuse(path: Path) -> None:
        raise BundleRefused(f"{path}: unknown suffix")

    monkeypatch.setattr("iamops.session.bundle.archive.check_path", refuse)
    code, out, err = run(healthy(), "--bundle", "x.zip")
    assert (code, out) == (2, "")
    assert "x.zip: unknown suffix" in err
    assert not hasattr(run, "asked")


def test_a_bundle_says_what_it_holds_and_what_is_missing(run, monkeypatch) -> None:
    async def write(look: object, path: Path, *, now: float, status: object) -> BundleReport:
        return BundleReport(path, 1000, 7, {"auth_pass": 2, "token": 1}, {"iam-b: journal": "timed out"})

    monkeypatch.setattr("iamops.session.bundle.archive.check_path", lambda path: None)
    monkeypatch.setattr("iamops.session.bundle.bundle.write_bundle", write)
    code, _, err = run(troubled(), "--bundle", "x.tar.gz")
    assert code == 1
    assert "x.tar.gz: 7 files, 1000 bytes, 3 secrets redacted" in err
    assert "not in the bundle: iam-b: journal: timed out" in err


# --- the text ---


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


# --- the runbook ---


@pytest.mark.parametrize("name", ["tea-cold", "T901", "t901", "TEA-COLD"])
def test_explain_takes_a_word_or_a_number(runbook, capsys, name: str) -> None:
    assert main(["triage", "explain", name]) == 0
    out = capsys.readouterr().out
    assert out.startswith("T901 tea-cold (warning)\nthe tea is cold\n")
    for text in (ENTRY.means[:30], ENTRY.known_by, *ENTRY.causes, *ENTRY.steps):
        assert text in out
    assert out.index(ENTRY.steps[0]) < out.index(ENTRY.steps[1])


def test_explain_without_a_code_lists_them_all(runbook, capsys) -> None:
    assert main(["triage", "explain"]) == 0
    assert capsys.readouterr().out == "T901  warning   tea-cold  the tea is cold\n"


def test_an_unknown_code_is_2_with_the_nearest_names(runbook, capsys) -> None:
    assert main(["triage", "explain", "tea-clod"]) == 2
    assert "did you mean tea-cold?" in capsys.readouterr().err


def test_an_unknown_code_with_control_characters_is_harmless(runbook, capsys) -> None:
    assert main(["triage", "explain", "\x1b[31m"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_a_rule_of_lint_can_be_explained_too(capsys) -> None:
    assert main(["triage", "explain", "l002"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("L002 ")
    assert "what to do" in out


def test_every_entry_of_the_catalogue_can_be_printed() -> None:
    for entry in (*CATALOGUE.values(), *BY_NUMBER.values()):
        page = list(explain.entry_lines(entry))
        assert page[0].startswith(entry.number)
        assert max(map(len, page)) <= 80
