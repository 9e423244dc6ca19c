"""What is shipped: the wheel carries the package with its templates, the profiles and the themes."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_has_everything_a_user_needs(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {f"iamops/_bundled/profiles/{path.name}" for path in (ROOT / "profiles").glob("*.yaml")}
    expected |= {f"iamops/_bundled/themes/{path.name}" for path in (ROOT / "themes").glob("*.yaml")}
    expected |= {str(path.relative_to(ROOT / "console")) for path in (ROOT / "console").rglob("*.j2")}
    expected |= {
        str(path.relative_to(ROOT / "console"))
        for path in (ROOT / "console" / "iamops" / "lab" / "standins").glob("*.py")
    }
    assert len(expected) > 10
    assert expected <= names
    assert not any(name.startswith("tests/") for name in names)
