"""A profile's text after an edit: one service's backends changed, and nothing else."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from iamops.parse.profile.edit import BackendEdit, EditRefused, edit_backends
from iamops.parse.profile.loader import parse_profile

PROFILES = Path(__file__).parents[4] / "profiles"
THIRD = "10.0.4.22:8080"


def after(text: str, *edits: tuple[BackendEdit, str], service: str = "iam-apiserver") -> str:
    for edit, backend in edits:
        text = edit_backends(text, parse_profile(text, "p.yaml"), edit, service, backend)
        parse_profile(text, "p.yaml")
    return text


@pytest.mark.parametrize("name", ["lab", "iam-ha"])
def test_comments_order_and_everything_else_stay(name: str):
    text = (PROFILES / f"{name}.yaml").read_text()
    added = after(text, (BackendEdit.ADD, THIRD))
    changed = [line for line in difflib.ndiff(text.splitlines(), added.splitlines()) if line[0] in "+-"]
    assert len(changed) == 2
    assert changed[1].endswith(f"health: /healthz, backends: [{THIRD}]}}")
    drained = after(added, (BackendEdit.DRAIN, THIRD))
    assert f"drained: [{THIRD}]" in drained
    assert after(drained, (BackendEdit.ENABLE, THIRD)) == added
    assert after(drained, (BackendEdit.REMOVE, THIRD)) == text


def test_block_style_lists_keep_their_form_and_comments():
    text = (PROFILES / "lab.yaml").read_text()
    was = next(line for line in text.splitlines(keepends=True) if line.startswith("  iam-apiserver: {"))
    block = (
        "  iam-apiserver:\n    port: 8080   # plain\n    domain: iam.api.marmotedu.com\n    backends:\n"
        "      - 10.0.4.30:8080   # the old one\n"
    )
    text = text.replace(was, block)
    added = after(text, (BackendEdit.ADD, THIRD))
    assert "      - 10.0.4.30:8080   # the old one\n      - 10.0.4.22:8080\n" in added
    assert after(added, (BackendEdit.REMOVE, THIRD)) == text


def test_nodes_are_backends_too():
    text = (PROFILES / "lab.yaml").read_text()
    removed = after(text, (BackendEdit.REMOVE, "iam-b"))
    assert "nodes: [iam-a]" in removed
    profile = parse_profile(after(removed, (BackendEdit.ADD, "iam-b")), "p.yaml")
    assert profile.services["iam-apiserver"].nodes == ("iam-a", "iam-b")


def test_the_last_node_of_a_service_with_endpoints_leaves_an_empty_list_and_not_none():
    text = (PROFILES / "lab.yaml").read_text()
    edits = [(BackendEdit.ADD, THIRD), (BackendEdit.REMOVE, "iam-a"), (BackendEdit.REMOVE, "iam-b")]
    without = after(text, *edits)
    assert "nodes: []" in without
    profile = parse_profile(without, "p.yaml")
    assert [*profile.backends_of(profile.services["iam-apiserver"])] == [THIRD]
    assert "nodes: [iam-b]" in after(without, (BackendEdit.ADD, "iam-b"))


@pytest.mark.parametrize(
    ("edits", "service", "why"),
    [
        ([(BackendEdit.ADD, "iam-a")], "iam-apiserver", "is a backend of iam-apiserver already"),
        ([(BackendEdit.ADD, "10.0.4.21:8080")], "iam-apiserver", "is a backend of iam-apiserver already"),
        (
            [(BackendEdit.ADD, "nowhere")],
            "iam-apiserver",
            "expected a node (iam-a, iam-b) or an address with a port",
        ),
        (
            [(BackendEdit.REMOVE, THIRD)],
            "iam-apiserver",
            "is no backend of iam-apiserver; there are: iam-a, iam-b",
        ),
        ([(BackendEdit.ENABLE, "iam-a")], "iam-apiserver", "is not drained already"),
        ([(BackendEdit.DRAIN, "iam-a"), (BackendEdit.DRAIN, "iam-a")], "iam-apiserver", "is drained already"),
        ([(BackendEdit.REMOVE, "iam-a"), (BackendEdit.REMOVE, "iam-b")], "iam-apiserver", "is the last backend"),
        ([(BackendEdit.ADD, THIRD)], "iam-pump", "has no domain"),
        ([(BackendEdit.ADD, THIRD)], "iam-nope", "no service 'iam-nope'; there are: iam-apiserver"),
    ],
)
def test_an_edit_that_makes_no_sense_says_why(edits, service: str, why: str):
    text = (PROFILES / "lab.yaml").read_text()
    with pytest.raises(EditRefused) as refused:
        after(text, *edits, service=service)
    assert why in str(refused.value)
