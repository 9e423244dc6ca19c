"""`iamops audit` as a command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from iamops.cli.main import main
from iamops.ledger.audit import Audit


@pytest.mark.parametrize("count", ["0", "-1", "x", "9" * 5000])
def test_a_count_that_would_show_nothing_is_refused_instead_of_no_records_yet(
    count: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "audit.jsonl"
    Audit(path).append("outcome", {"run": "r", "sentence": "x"})
    with pytest.raises(SystemExit) as end:
        main(["audit", "tail", f"-n{count}", "--file", str(path)])
    assert end.value.code == 2
    assert "expected 1 or more records" in capsys.readouterr().err
