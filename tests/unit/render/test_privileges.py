"""The commands that root runs for the console: bounded, each its own, and told for what they are."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections import defaultdict
from pathlib import Path

from iamops.render.nodefiles import render_sudoers
from iamops.render.privileges import (
    CONFIG_DEAD_MAN,
    Argv,
    dead_man_unit,
    older,
    priority_dead_man,
    privileged_commands,
    set_priority,
    wake_dead_man,
)
from tests.support.profiles import pair

# Units that would have shared a timer with one of ours, or with one another.
UNITS = (
    "config",
    "wake-nginx",
    "priority-VI_1",
    "iam@1",
    "iam-1",
    "iam@@1",
    "wake-@nginx",
    "unit-config",
    "iam_1",
)


def test_no_two_undos_share_a_timer():
    services = {f"s{n}": {"port": 1000 + n, "unit": unit} for n, unit in enumerate(UNITS)}
    undos: dict[str, set[Argv]] = defaultdict(set)
    undos[CONFIG_DEAD_MAN].add(("armed by the node's script",))
    for argv in privileged_commands(pair(services=services)):
        for at, word in enumerate(argv):
            if word.startswith("--unit="):
                undos[word.removeprefix("--unit=")].add(argv[at + 1 :])
    assert len(undos) > len(UNITS)
    assert [(timer, carried) for timer, carried in undos.items() if len(carried) > 1] == []


def test_timers_are_named_so_that_a_name_has_one_undo_alone():
    """Whatever units and instances are called: short names of all the characters that they may have."""
    names = ["".join(each) for n in (1, 2, 3) for each in itertools.product("a1_.@-", repeat=n) if each[0] in "a1"]
    units = [
        *names,
        *(f"{before}{name}" for before in ("wake-", "priority-", "config", "config-") for name in names),
    ]
    carries: dict[str, set[tuple[str, str]]] = defaultdict(set)
    carries[CONFIG_DEAD_MAN].add(("config", ""))
    for unit in dict.fromkeys((*units, *UNITS)):
        carries[dead_man_unit(unit)].add(("start", unit))
        carries[wake_dead_man(unit)].add(("wake", unit))
        if "@" not in unit:
            carries[priority_dead_man(unit)].add(("priority", unit))
    assert {timer for timer, undos in carries.items() if len(undos) > 1} == set()
    assert all(re.fullmatch(r"[A-Za-z0-9:_.-]+", timer) for timer in carries)


def test_timers_of_plain_names_are_as_nodes_of_earlier_versions_know_them():
    assert dead_man_unit("nginx") == "iamops-dead-man-nginx"
    assert wake_dead_man("nginx") == "iamops-dead-man-wake-nginx"
    assert priority_dead_man("VI_1") == "iamops-dead-man-priority-VI_1"


def test_a_raised_priority_is_all_that_its_command_ever_writes(tmp_path: Path):
    argv = [word.replace("/run/", f"{tmp_path}/") for word in set_priority("VI_1")]
    for sent in (b"154\n", b"9" * 1_000_000):
        subprocess.run(argv, input=sent, check=True)
        assert (tmp_path / "iamops-priority.VI_1").read_bytes() == sent[:16]


def test_no_command_copies_what_it_is_fed_without_an_end():
    assert not [argv for argv in privileged_commands(pair()) if argv[0].endswith(("/tee", "/cat", "/cp"))]


def test_a_node_of_an_earlier_version_has_another_word_for_the_same():
    before = ("/usr/bin/tee", "/run/iamops-priority.VI_1")
    assert older(set_priority("VI_1")) == before
    assert older(("sudo", "-n", *set_priority("VI_1"))) == ("sudo", "-n", *before)
    assert [argv for argv in privileged_commands(pair()) if older(argv) is not None] == [set_priority("VI_1")]


def test_the_sudoers_file_says_what_it_amounts_to():
    head = [line for line in render_sudoers(pair()).splitlines() if line.startswith("#")]
    assert "root in effect" in " ".join(head)
