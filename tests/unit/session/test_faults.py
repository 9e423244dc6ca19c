"""A fault of ours is a sentence, and shows where it came from only on request."""

from __future__ import annotations

import pytest

from iamops.session.faults import HINT, fault_text, traceback_of


def test_a_fault_of_ours_is_a_sentence_without_secrets_and_says_what_to_do():
    text = fault_text(ValueError("redis://:hunter2hunter2@10.0.4.20:6379"))
    assert text.startswith("ValueError: ")
    assert "hunter2hunter2" not in text
    assert text.endswith(HINT)


def test_a_traceback_is_shown_only_on_request(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("IAMOPS_DEBUG", raising=False)
    error = ValueError("password=hunter2hunter2")
    assert traceback_of(error) == ""
    monkeypatch.setenv("IAMOPS_DEBUG", "1")
    assert "ValueError" in traceback_of(error)
    assert "hunter2hunter2" not in traceback_of(error)
