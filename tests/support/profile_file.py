"""The shipped profile as a file that a test may edit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHIPPED = Path(__file__).parents[2] / "profiles" / "lab.yaml"


@pytest.fixture
def profile_file(tmp_path: Path) -> Path:
    """The shipped profile with a password file of its own: no lab was ever built here."""
    password = tmp_path / "vrrp-auth"
    password.write_text("s3cr3t\n")
    password.chmod(0o600)
    path = tmp_path / "mine.yaml"
    path.write_text(SHIPPED.read_text().replace("/var/lib/iamops/lab/vrrp-auth", str(password)))
    return path


def edit(path: Path, was: str = "interval_s: 5", becomes: str = "interval_s: 6") -> None:
    text = path.read_text()
    assert was in text
    path.write_text(text.replace(was, becomes, 1))
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))
