"""The language of drills: what it means, and what is said about every mistake."""

from __future__ import annotations

import random

import pytest

from iamops.model.drill import (
    Bound,
    Drill,
    DrillStep,
    DrillVerb,
    EvenSplit,
    FailedRequests,
    Outage,
    StateEntered,
    StateOf,
    SteadyState,
    TimeTerm,
    VipMovesTo,
    VipStays,
)
from iamops.model.facts import VrrpState
from iamops.parse.drill.loader import DEFAULT_STEADY, DrillError, parse_drill
from iamops.parse.drill.step import parse_bound
from iamops.parse.yaml_tree import Problem
from iamops.session.drills.files import available_drills, load_drill, read_drill

SMALL = """\
name: small
title: nginx and back
method:
  - stop: nginx
    node: owner
    expect:
      - {vip: standby, within: check.fault + vrrp.skew}
restore:
  - start: nginx
    node: standby
"""


def problems(text: str, units: tuple[str, ...] | None = None, nodes: tuple[str, ...] | None = None) -> list[str]:
    with pytest.raises(DrillError) as caught:
        parse_drill(text, "d.yaml", units, nodes)
    return str(caught.value).splitlines()


def test_a_whole_drill_becomes_values():
    text = """\
name: all
title: everything the language can say
about: for a test
steady_state: [one-owner, datastores-answer]
max_duration: 90 s
method:
  - hang: nginx
    expect:
      - {state: owner FAULT, within: 2 s}
      - {outage: vrrp.max * 1.5}
      - {failed_requests: 3}
    transitions: [owner FAULT]
    notify: [owner STOP]
  - requests: 10
    expect: [{split: even}]
  - watch: 500 ms
restore:
  - wake: nginx.service
    node: iam-b
"""
    two_s, half_s = Bound("2 s", (TimeTerm(None, seconds=2.0),)), Bound("500 ms", (TimeTerm(None, seconds=0.5),))
    assert parse_drill(text, "d.yaml") == Drill(
        name="all",
        title="everything the language can say",
        about="for a test",
        steady_state=(SteadyState.OWNED, SteadyState.DATASTORES),
        method=(
            DrillStep(
                DrillVerb.HANG,
                unit="nginx",
                expect=(
                    StateOf("owner", VrrpState.FAULT, two_s),
                    Outage(Bound("vrrp.max * 1.5", (TimeTerm("vrrp.max", 1.5),))),
                    FailedRequests(3),
                ),
                transitions=(StateEntered("owner", VrrpState.FAULT),),
                notify=(StateEntered("owner", VrrpState.STOP),),
                line=7,
            ),
            DrillStep(DrillVerb.REQUESTS, count=10, expect=(EvenSplit(),), line=14),
            DrillStep(DrillVerb.WATCH, expect=(VipStays(half_s),), line=16),
        ),
        restore=(DrillStep(DrillVerb.WAKE, unit="nginx", on="iam-b", line=18),),
        max_duration_s=90.0,
        source="d.yaml",
    )


def test_what_is_not_said_has_a_default():
    drill = parse_drill(SMALL, "d.yaml")
    assert (drill.steady_state, drill.max_duration_s) == (DEFAULT_STEADY, 120.0)
    assert drill.method[0].expect == (VipMovesTo("standby", parse_bound("check.fault + vrrp.skew")),)


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("name: small", "name: a b", "d.yaml:1: name: expected a name of letters, digits, dashes and underscores"),
        ("title:", "titel:", "d.yaml:2: titel: means nothing here; did you mean title?"),
        ("stop: nginx", "stpo: nginx", "d.yaml:4: method.0: expected one thing to do; did you mean stop?"),
        ("stop: nginx", "shell: rm -rf /", "d.yaml:4: method.0.shell: a drill runs no commands of its own"),
        (
            "stop: nginx",
            "stop: [nginx]",
            "d.yaml:4: method.0.stop: expected a systemd unit such as nginx, found a list",
        ),
        ("node: owner", "node: the owner", "d.yaml:5: method.0.node: expected owner or standby"),
        ("node: owner", "node: each", "d.yaml:5: method.0.node: `each` goes with restart and reload"),
        (
            "vip: standby",
            "vpi: standby",
            "d.yaml:7: method.0.expect.0: expected one expectation; did you mean vip?",
        ),
        (", within: check.fault + vrrp.skew", "", "d.yaml:7: method.0.expect.0: needs `within`"),
        ("vrrp.skew", "vrrp.skw", "no time is named 'vrrp.skw'; did you mean vrrp.skew?"),
        ("vrrp.skew", "-3 s", "expected a time such as `3 s`"),
        ("check.fault + vrrp.skew", "2 h", "found '2 h'"),
        ("check.fault + vrrp.skew", "vrrp.max * 0", "expected a factor above 0"),
        (
            "start: nginx",
            "start: keepalived",
            "d.yaml:4: method.0.stop: nothing takes it back: add `start: nginx`",
        ),
        ("name: small", "name: small\nmax_duration: 2 weeks", "d.yaml:2: max_duration: expected a time"),
        ("name: small", "name: small\nmax_duration: vrrp.max", "d.yaml:2: max_duration: expected a time from 1 s"),
        ("name: small", "name: small\nsteady_state: [one-ower]", "did you mean one-owner?"),
        ("    node: owner\n", "    node: owner\n    transitions: [standby MASTR]\n", "did you mean MASTER?"),
        ("    node: owner\n", "    node: owner\n    transitions: [MASTER]\n", "expected `WHO STATE`"),
    ],
)
def test_a_mistake_is_found_at_its_line_with_its_mending(was: str, becomes: str, says: str):
    assert was in SMALL
    found = problems(SMALL.replace(was, becomes, 1))
    assert any(says in line for line in found), found


RELOAD = "name: r\ntitle: t\nmethod:\n  - reload: nginx\n"
VERBS = ", ".join(DrillVerb)
NO_SHELL = f"a drill runs no commands of its own: say what should happen with one of: {VERBS}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            RELOAD + "    node: ['a']\n",
            "5: method.0.node: expected owner or standby or preferred or other or a node's name, found a list",
        ),
        (RELOAD + "    on: owner\n", "5: method.0: expected a plain word as key, found `on`"),
        (RELOAD + "    run: reboot\n", f"5: method.0.run: {NO_SHELL}"),
        (RELOAD + "  - command: reboot\n", f"5: method.1.command: {NO_SHELL}"),
        (RELOAD + "    start: nginx\n", "4: method.0: expected one thing to do, found reload and start"),
        (RELOAD + "  - {}\n", f"5: method.1: expected one thing to do, found nothing; one of: {VERBS}"),
        (RELOAD + "  - reload\n", "5: method.1: expected a mapping of `key: value`, found `reload`"),
        (
            RELOAD + "  - start: nginx\n    node: each\n",
            "6: method.1.node: `each` goes with restart and reload: one node must go on serving",
        ),
        (
            RELOAD + "  - switchover: iam-b\n",
            "5: method.1.switchover: expected `standby`: the VIP goes to it, found `iam-b`; one of: standby",
        ),
        (
            RELOAD + "  - requests: 10001\n",
            "5: method.1.requests: expected a whole number from 1 to 10000, found `10001`",
        ),
        (
            RELOAD + "  - requests: 5\n    node: owner\n",
            "6: method.1.node: goes with start, stop, restart, reload, hang, wake; not with requests",
        ),
        (
            RELOAD + "  - watch: 3\n",
            "5: method.1.watch: expected a time such as `3 s` or `vrrp.max * 1.2`, found `3`",
        ),
        (
            RELOAD + "    expect: [{failed_requests: some}]\n",
            "5: method.0.expect.0.failed_requests: expected a whole number from 0 to 1000000, found `some`",
        ),
        (
            RELOAD + "    expect: [{split: evn}]\n",
            "5: method.0.expect.0.split: expected `even`, found `evn`; did you mean even?",
        ),
        (
            RELOAD + "    expect: [{outage: 1 s, within: 2 s}]\n",
            "5: method.0.expect.0.within: means nothing here; one of: outage",
        ),
        (
            RELOAD + "    expect: [{state: owner STOP, within: 2 s}]\n",
            "5: method.0.expect.0.state: expected a VRRP state, found `STOP`; one of: MASTER, BACKUP, FAULT",
        ),
        (
            RELOAD + "    notify: [owner STOPP]\n",
            "5: method.0.notify.0: expected a VRRP state, found `STOPP`; did you mean STOP?",
        ),
        (
            RELOAD + "  - stop: ['nginx']\n",
            "5: method.1.stop: expected a systemd unit such as nginx, found a list",
        ),
        (RELOAD + "  - freeze: owner\n", "5: method.1.freeze: nothing takes it back: add `thaw: NODE` to restore"),
        (
            RELOAD + "  - power-off: owner\nrestore:\n  - thaw: standby\n",
            "5: method.1.power-off: nothing takes it back: add `power-on: NODE` to restore",
        ),
        (
            RELOAD + "  - hang: nginx\nrestore:\n  - start: nginx\n",
            "5: method.1.hang: nothing takes it back: add `wake: nginx` to restore",
        ),
        ("name: r\ntitle: t\nrestore:\n  - start: nginx\n", "1: method: expected at least one step"),
        ("name: r\ntitle: t\nmethod: []\n", "3: method: expected at least one step"),
        (
            RELOAD + "max_duration: 3600 s + 1 s\n",
            "5: max_duration: expected a time from 1 s to 3600 s, found `3600 s + 1 s`",
        ),
        (RELOAD + "max_duration: 999 ms\n", "5: max_duration: expected a time from 1 s to 3600 s, found `999 ms`"),
        (RELOAD + "steady_state: one-owner\n", "5: steady_state: expected a list, found `one-owner`"),
        (RELOAD + "about: 3\n", "5: about: expected text, found `3`"),
        ("# nothing\n", "1: the file is empty: expected a mapping with name, title and method"),
    ],
)
def test_one_mistake_is_one_sentence_at_its_line(text: str, says: str):
    assert problems(text) == [f"d.yaml:{says}"]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("  - freeze: each\n  - thaw: owner\n", "5: method.1.freeze"),
        ("    expect: [{vip: each, within: 3 s}]\n", "5: method.0.expect.0.vip"),
        ("    transitions: [each MASTER]\n", "5: method.0.transitions.0"),
    ],
)
def test_each_is_nobody_in_particular(text: str, at: str):
    expected = "expected owner or standby or preferred or other or a node's name, found `each`"
    assert problems(RELOAD + text) == [f"d.yaml:{at}: {expected}"]


def test_an_expectation_of_nothing_is_a_mistake():
    told = problems(RELOAD + "    expect: [{}]\n")[0]
    assert told.startswith("d.yaml:5: method.0.expect.0: expected one expectation; one of: vip, state")


def test_a_unit_needs_more_than_its_ending():
    told = problems(RELOAD + "  - start: .service\n")
    assert told == ["d.yaml:5: method.1.start: expected a systemd unit such as nginx, found `.service`"]


@pytest.mark.parametrize("text", ["    node: ownr\n", "    notify: [ownr STOP]\n"])
def test_a_node_that_the_profile_does_not_have_is_told(text: str):
    assert parse_drill(RELOAD + text, "d.yaml")  # without a profile it may be a node's name
    told = problems(RELOAD + text, nodes=("iam-a", "iam-b"))
    assert "neither a role nor a node of the profile: 'ownr'; did you mean owner?" in told[0]


def test_a_start_brings_back_one_stop_and_not_two():
    twice = SMALL.replace("method:\n", "method:\n  - stop: nginx\n    node: iam-b\n")
    assert problems(twice) == ["d.yaml:4: method.0.stop: nothing takes it back: add `start: nginx` to restore"]
    assert len(parse_drill(f"{twice}  - start: nginx\n", "d.yaml").restore) == 2


def test_a_start_before_the_stop_brings_nothing_back():
    text = (
        SMALL.replace("restore:", "").replace("method:", "restore:").replace("\n  - start", "\nmethod:\n  - start")
    )
    assert "nothing takes it back" in problems(text)[0]


def test_no_complaint_can_steer_the_terminal():
    told = problems(RELOAD + '  - stop: "\\u202e\\e[2J"\n')
    assert told[1] == r"d.yaml:5: method.1.stop: nothing takes it back: add `start: \u202e\x1b[2J` to restore"
    assert all(line.isprintable() for line in told)


def test_what_a_person_will_read_is_one_harmless_line():
    text = SMALL.replace("title: nginx and back", 'title: "a\\e[2Jb\\n c"\nabout: "d\\u202ee"')
    drill = parse_drill(text, "d.yaml")
    assert (drill.title, drill.about) == ("a\\x1b[2Jb c", "d\\u202ee")


def test_every_mistake_is_told_at_once():
    found = problems("name: 3\nmethod:\n  - jump: 1\n  - requests: 0\n")
    assert [line.split(":")[1] for line in found] == ["1", "1", "3", "4"]


def test_a_unit_that_the_profile_does_not_have_is_told():
    found = problems(SMALL.replace("nginx", "ngnix"), ("nginx", "keepalived"))
    assert "the profile has no unit 'ngnix'; did you mean nginx?" in found[0]


@pytest.mark.parametrize("text", ["", "[]", "name: [", "\x00", "method: 3", "- 1\n- 2", "a: &x 1\nb: *x"])
def test_what_is_no_drill_at_all_is_one_sentence(text: str):
    assert all(line.startswith("d.yaml:") for line in problems(text))


def test_every_shipped_drill_is_valid_and_puts_things_back():
    assert "seed" in available_drills()
    for name in available_drills():
        drill = load_drill(name, ("nginx", "keepalived", "iam-apiserver"))
        assert drill.name == name
        assert drill.title
        assert drill.about


def test_no_text_ever_raises_anything_else():
    """Mutations of the shipped drills: valid, or every problem with a line of the file."""
    rng = random.Random(20261124)
    texts = [read_drill(name) for name in available_drills()]
    rejected = 0
    for _ in range(1500):
        text = _mutated(rng, rng.choice(texts))
        lines = text.count("\n") + 1
        found = _problems(text)
        rejected += bool(found)
        assert all(1 <= problem.line <= lines for problem in found)
    assert rejected > 500


def _problems(text: str) -> tuple[Problem, ...]:
    try:
        parse_drill(text, "m.yaml", ("nginx", "keepalived", "iam-apiserver"))
    except DrillError as error:
        return error.problems
    return ()


def _mutated(rng: random.Random, text: str) -> str:
    for _ in range(rng.randint(1, 3)):
        lines = text.split("\n")
        at = rng.randrange(len(lines))
        match rng.randrange(5):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, lines[rng.randrange(len(lines))])
            case 2:
                lines[at] = lines[at].replace(":", rng.choice(["", "::", ": - "]), 1)
            case 3:
                lines[at] = "".join(rng.sample(lines[at], len(lines[at])))
            case 4:
                words = lines[at].split(" ")
                words[rng.randrange(len(words))] = rng.choice(
                    ["null", "-1", "true", "[1, 2]", "{a: b}", "é", "standby"]
                )
                lines[at] = " ".join(words)
        text = "\n".join(lines) or "x"
    return text
