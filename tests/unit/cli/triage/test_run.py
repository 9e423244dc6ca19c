"""`iamops triage`: its exit codes, its time, its bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from iamops.judge.findings import Diagnosis
from iamops.session.bundle.archive import BundleRefused
from iamops.session.bundle.bundle import BundleReport
from tests.support.triage_samples import (
    CHECKED,
    NO_GRANT,
    SILENT,
    SPLIT,
    Look,
    half_blind,
    healthy,
    troubled,
)


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


def test_the_span_and_the_timeout_reach_the_look(run) -> None:
    run(healthy(), "--since", "2h", "--timeout", "5")
    assert run.asked == (5.0, 7200.0)
    run(healthy())
    assert run.asked == (10.0, None)


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
