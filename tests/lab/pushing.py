"""Profiles that differ from what the pair runs with, and a pair that is afterwards as it was before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.lab.acting import ActingLab
from tests.lab.cuts import WHERE, hashes

QUICK = {"dead_man_s": 8, "anti_flap_s": 0, "rollback_s": 10}
KEPT = "/root/files-of-the-profile.tar"
# What the nodes of a lab have when `config diff` finds nothing, by the lab's directory.
OF_THE_PROFILE: dict[Path, dict[str, str]] = {}
TEMPLATES = Path(__file__).parents[2] / "console" / "iamops" / "render" / "templates"


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
    put_back(lab)
    yield lab
    for template in (lab.directory / "templates").glob("*"):
        template.unlink()
    lab.heal_all()
    put_back(lab)


def put_back(lab: ActingLab) -> None:
    """The files of the profile on every node, and loaded: by hand, which takes a fifth of the time of a push."""
    if lab.directory not in OF_THE_PROFILE:
        in_sync(lab)
        for node in lab.profile.nodes:
            lab.must(node, ["sh", "-c", f"tar -cpPf {KEPT} {WHERE}"])
        OF_THE_PROFILE[lab.directory] = hashes(lab)
    was, now = OF_THE_PROFILE[lab.directory], hashes(lab)
    other = {node: _paths(set(was[node].splitlines()) ^ set(now[node].splitlines())) for node in was}
    for node, paths in other.items():
        if paths:
            line = f"rm -f {' '.join(paths)}; tar -xpPf {KEPT} {' '.join(paths & _paths(was[node].splitlines()))}"
            lab.must(node, ["sh", "-ec", f"{line}; systemctl daemon-reload; systemctl reload nginx"])
    assert hashes(lab) == was
    _load_keepalived(lab, [node for node, paths in other.items() if any("/keepalived/" in path for path in paths)])


def _load_keepalived(lab: ActingLab, nodes: list[str]) -> None:
    """What one side has loaded already must not meet the other's old files: all stop before any starts."""
    for verb in ("stop", "start"):
        for node in nodes:
            lab.must(node, ["systemctl", verb, lab.profile.keepalived.unit])


def _paths(lines: Iterable[str]) -> set[str]:
    """The files of lines of `hashes`: a digest and a path, or a path and its rights."""
    return {word for line in lines for word in line.split() if word.startswith("/")}


def in_sync(lab: ActingLab) -> None:
    if lab.run("config", "diff", "--check").code != 0:
        done = lab.act("config", "push")
        assert done.code == 0, done.err
