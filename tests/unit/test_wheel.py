"""What is shipped: the wheel carries the package with its templates, the profiles and the themes."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import iamops

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The names in the wheel as it is built from this checkout."""
    where = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(where)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (built,) = where.glob("*.whl")
    return set(zipfile.ZipFile(built).namelist())


def test_the_wheel_has_everything_a_user_needs(wheel):
    expected = {f"iamops/_bundled/profiles/{path.name}" for path in (ROOT / "profiles").glob("*.yaml")}
    expected |= {f"iamops/_bundled/themes/{path.name}" for path in (ROOT / "themes").glob("*.yaml")}
    expected |= {str(path.relative_to(ROOT / "console")) for path in (ROOT / "console").rglob("*.j2")}
    expected |= {
        str(path.relative_to(ROOT / "console"))
        for path in (ROOT / "console" / "iamops" / "lab" / "standins").glob("*.py")
    }
    assert len(expected) > 10
    assert expected <= wheel
    assert not any(name.startswith("tests/") for name in wheel)


def test_it_installs_one_package_and_nothing_beside_it(wheel):
    """The registry has packages named console, tests and profiles: none of their files is overwritten."""
    tops = {name.split("/")[0] for name in wheel}
    assert tops == {"iamops", f"iamops-{iamops.__version__}.dist-info"}
