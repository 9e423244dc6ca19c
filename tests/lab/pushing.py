"""Profiles that differ from what the pair runs with, and a pair that is afterwards as it was before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.lab.acting import ActingLab
from tests.lab.cuts import hashes

QUICK = {"dead_man_s": 8, "anti_flap_s": 0, "rollback_s": 10}
TEMPLATES = Path(__file__).parents[2] / "console" / "render" / "templates"


def changed(lab: ActingLab, name: str = "changed.yaml", **changes: Any) -> Path:
    """The lab's profile with changes to its sections."""
    return lab.write_profile(name, **changes)


def with_template(lab: ActingLab, name: str, was: str, becomes: str) -> Path:
    """A profile whose template `name` says something else."""
    directory = lab.directory / "templates"
    directory.mkdir(exist_ok=True)
    text = (TEMPLATES / name).read_text()
    assert was in text
    (directory / name).write_text(text.replace(was, becomes))
    return changed(lab, templates=str(directory))


def services(**changes: Any) -> dict[str, Any]:
    """The services of the lab, with changes to iam-apiserver."""
    raw: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "profiles" / "lab.yaml").read_text())[
        "services"
    ]
    raw["iam-apiserver"] |= changes
    return raw


def kept(lab: ActingLab) -> Iterator[ActingLab]:
    """The pair for one test, with the files of the profile before and after."""
    in_sync(lab)
    before = hashes(lab)
    yield lab
    for template in (lab.directory / "templates").glob("*"):
        template.unlink()
    lab.heal_all()
    in_sync(lab)
    assert hashes(lab) == before


def in_sync(lab: ActingLab) -> None:
    if lab.run("config", "diff", "--check").code != 0:
        done = lab.act("config", "push")
        assert done.code == 0, done.err
