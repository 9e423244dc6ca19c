"""`iamops triage`: arguments that are refused with a sentence."""

from __future__ import annotations

import pytest

from tests.support.triage_samples import healthy


@pytest.mark.parametrize("bad", ["0s", "x", "1w", "-5m", "2999-01-01T00:00", "", "１h"])
def test_a_bad_span_is_a_sentence_and_2(run, bad: str) -> None:
    code, _, err = run(healthy(), f"--since={bad}")
    assert code == 2
    assert "--since" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("bad", ["0", "-1", "nan", "inf", "1e9", "soon"])
def test_a_bad_timeout_is_a_sentence_and_2(run, bad: str) -> None:
    assert run(healthy(), f"--timeout={bad}")[0] == 2


def test_only_one_document_fits_on_stdout(run) -> None:
    code, _, err = run(healthy(), "--json", "--markdown")
    assert code == 2
    assert "only one" in err
