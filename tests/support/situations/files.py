"""Situations that stand in the nodes' files: what lint makes of them, among triage's findings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from iamops.judge.lint.lint import lint
from iamops.judge.rules.base import RuleInput
from iamops.model.config import ConfFile, ConfTree, DaemonCheck
from iamops.model.events import UnitReported
from iamops.model.facts import UnitReport
from iamops.model.inspection import NodeInspection
from iamops.model.profile import Profile
from iamops.parse.profile.loader import parse_profile
from iamops.render.nodefiles import render_node
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.looks import CONF, NGINX_CONF, A, B, node_look, view
from tests.support.situations.situation import SPLIT, Situation, spoken

CHECK = "/etc/keepalived/check_nginx.sh"
LAB = Path(__file__).parents[3] / "profiles" / "lab.yaml"
PEER = "    unicast_peer {\n        10.0.4.20\n    }\n"
INSTANCE = "vrrp_instance VI_1 {"


@cache
def lab() -> Profile:
    return parse_profile(LAB.read_text(encoding="utf-8"), str(LAB))


@cache
def rendered(node: str) -> ConfTree:
    found = render_node(lab(), node, dict.fromkeys(lab().vrrp, "sesame12"))
    return ConfTree(node, {f.path: ConfFile(f.path, f.content, f.mode, f.owner, f.group) for f in found})


def changed(path: str, was: str, becomes: str, node: str = B) -> ConfTree:
    """The node's files with one edit."""
    tree = rendered(node)
    file = tree.files[path]
    assert was in file.content, was
    return replace(tree, files={**tree.files, path: replace(file, content=file.content.replace(was, becomes))})


def linted(*trees: ConfTree, said: str = "", exit_status: int = 5, **looks: NodeInspection) -> RuleInput:
    """A pair that is well but for these files, and for what `keepalived -t` says of them on iam-b."""
    checks = [DaemonCheck(B, "keepalived", exit_status, said)] if said else []
    others = [rendered(name) for name in (A, B) if name not in [tree.name for tree in trees]]
    return view(lint=lint([*others, *trees], lab(), checks), **looks)


def files() -> Iterator[Situation]:
    yield from _nginx()
    yield from _written_elsewhere()
    yield from _scripts()
    yield from _settings()


def _nginx() -> Iterator[Situation]:
    yield Situation(
        "A27",
        "an upstream names the peer by a name, which still resolves to it",
        "N006: an upstream without the peer's backend",
        linted(changed(NGINX_CONF, "server 10.0.4.20:8080", "server peer.iam.internal:8080")),
        never=("N006",),
    )


def _written_elsewhere() -> Iterator[Situation]:
    """A29: a configuration that is split on one node only."""
    text = rendered(B).files[CONF].content
    begin = text.index(INSTANCE)
    before = "P010: an instance on one node only, nobody takes its VIP over"
    for number, what, include, at_hand in (
        ("A29", "the instance stands in an included file beside the others, on one node only", "vi.conf", True),
        ("A29b", "the same, and the file could not be read", "conf.d/vi.conf", False),
        ("A29c", "the same, included by a glob", "conf.d/*.conf", False),
    ):
        path = f"/etc/keepalived/{include}"
        split = changed(CONF, text[begin:], f"include {path}\n")
        if at_hand:
            split = replace(
                split, files={**split.files, path: replace(split.files[CONF], path=path, content=text[begin:])}
            )
        yield Situation(
            number, what, before, linted(split), never=("P010",), info="" if at_hand else "cannot tell"
        )


def _scripts() -> Iterator[Situation]:
    crlf = rendered(B).files[CONF].content.replace("\n", "\r\n")
    yield Situation(
        "A28",
        "keepalived.conf has the line ends of Windows",
        "that the file differs; the line ends were not named",
        linted(changed(CONF, rendered(B).files[CONF].content, crlf)),
        "K020",
        B,
        "iamops config lint",
        ("line ends of Windows", "carriage return"),
    )
    script = rendered(B).files[CHECK].content
    missing = f"Error exec-ing command '{CHECK}', error 2: No such file or directory"
    yield Situation(
        "A28b",
        "the check script has the line ends of Windows: there is no interpreter of that name",
        "its interpreter is missing; the line ends were not named",
        linted(
            changed(CHECK, script, script.replace("\n", "\r\n")),
            b=node_look(B, journal=spoken((1.0, missing))),
        ),
        "S008",
        B,
        "iamops config lint",
        ("line ends of Windows", "carriage return"),
        explains=("check-unrunnable",),
    )
    disabled = f"WARNING - script '{CHECK}' is not executable for uid:gid 0:0 - disabling."
    tree = rendered(B)
    flat = replace(tree, files={**tree.files, CHECK: replace(tree.files[CHECK], mode=0o644)})
    yield Situation(
        "A30",
        "the check script is not executable, and keepalived does not run it",
        "right",
        linted(flat, b=node_look(B, journal=spoken((900.0, disabled)))),
        "S005",
        B,
        "iamops config lint",
        ("mode 644",),
    )
    dead = UnitReported(NOW, B, "nginx", UnitReport("inactive", "dead"))
    ended = spoken((900.0, disabled), (60.0, "Stopped nginx.service - A high performance web server.", "nginx"))
    blind = replace(linted(flat, b=node_look(B, journal=ended)), state=fed(healthy(), [dead]))
    yield Situation(
        "A30b",
        "the same, and nginx is dead later",
        "right",
        blind,
        "unit-down",
        B,
        "iamops start nginx iam-b",
    )
    user = f"({CONF}: Line 15) Unable to set default user for vrrp script check_nginx_VI_1 - removing"
    unset = f"({CONF}: Line 37) (VI_1) track script check_nginx_VI_1 not found, ignoring..."
    tree = changed(CONF, "    script_user root", "    #")
    yield Situation(
        "A31",
        "script security without a user to run scripts as",
        "right",
        linted(tree, said=f"{user}\n{unset}"),
        "K017",
        B,
        "iamops config lint",
        ("not found, ignoring",),
    )


def _settings() -> Iterator[Situation]:
    yield Situation(
        "A07",
        "one node sends its adverts to its peer alone, the other to the group: both are MASTER",
        "right",
        replace(linted(changed(CONF, PEER, "")), state=fed(healthy(), SPLIT)),
        "P007",
        B,
        "iamops config lint",
        explains=("split-brain",),
    )
    interface = f"({CONF}: Line 24) WARNING - interface eth9 for vrrp_instance VI_1 doesn't exist"
    yield Situation(
        "A32",
        "keepalived.conf names an interface that does not exist",
        "right",
        linted(changed(CONF, "interface eth0", "interface eth9"), said=interface),
        "K017",
        B,
        "iamops config lint",
        ("interface eth9", "doesn't exist"),
    )
    longer = f"({CONF}: Line 30) Truncating auth_pass to 8 characters"
    yield Situation(
        "A33",
        "a password is longer than eight characters, and its first eight are the peer's",
        "right",
        linted(changed(CONF, "auth_pass sesame12", "auth_pass sesame123"), said=longer),
        "K017",
        B,
        "iamops config lint",
        ("Truncating auth_pass",),
        never=("P003",),
    )
