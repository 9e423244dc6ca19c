"""Every mistake in a profile: the line, the key, and what was expected."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from iamops.parse.profile.loader import ProfileError, parse_profile
from iamops.parse.yaml_tree import Problem
from tests.support.profile_texts import LAB, complaints
from tests.support.profiles import pair


def line_of(part: str, text: str = LAB) -> int:
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize(
    ("was", "becomes", "at", "says"),
    [
        ("priority: 50", "priority: 500", "iam-b:", "nodes.iam-b.priority: expected at most 254, found 500"),
        ("priority: 50", "priority: 100", "iam-a:", "nodes.iam-a.priority: priority 100 is used twice"),
        ("priority: 50", "priority: yes", "iam-b:", "expected a whole number, found true"),
        ("priority: 50", "priority: '50'", "iam-b:", "expected a whole number, found '50'"),
        (
            "priority: 50",
            "priority: 050",
            "iam-b:",
            "expected a plain decimal number, or text in quotes, found `050`",
        ),
        ("priority: 50,", "", "iam-b:", "nodes.iam-b.priority: required, but not given"),
        ("10.0.4.21,", "10.0.4.20,", "iam-b:", "10.0.4.20 is already the address of iam-a"),
        ("10.0.4.21,", "10.0.4.999,", "iam-b:", "expected an IP address such as 10.0.4.20, found '10.0.4.999'"),
        ("vip: 10.0.4.99", "vip: 10.0.4.20", "vip:", "10.0.4.20 is the address of node iam-a"),
        ("vip: 10.0.4.99", "vip: 'fe80::1%x }'", "vip:", "expected an IP address such as 10.0.4.99"),
        ("vip: 10.0.4.99", "vip: 'fd00::99'", "vip:", "expected the kind of address that iam-a has (10.0.4.20)"),
        ("vip: 10.0.4.99", "vip: 'fd00::99'", "vip:", "an address for SSH alone is nodes.iam-a.ssh.host"),
        (
            "vip: 10.0.4.99",
            "vip: 'fd00::99'",
            "VI_1:",
            "expected version: 3 for the IPv6 address fd00::99, found 2",
        ),
        (
            "unicast: true",
            "priorities: {iam-b: 100}",
            "unicast:",
            "vrrp.VI_1.priorities.iam-b: priority 100 is used",
        ),
        (
            "unicast: true",
            "priorities: {iam-c: 7}",
            "unicast:",
            "vrrp.VI_1.priorities.iam-c: expected one of iam-a",
        ),
        ("name: lab", "name: 12", "name: lab", "name: expected text, found 12: put it in quotes"),
        (
            "interface: eth0}\n\n",
            "interface: 'eth0; reboot'}\n\n",
            "iam-b:",
            "expected a network interface such as eth0",
        ),
        (
            "port: 8080",
            "port: 8080, unit: 'a b'",
            "iam-apiserver:",
            "expected a systemd unit such as iam-apiserver",
        ),
        ("iam.api.marmotedu.com", "'a;b'", "iam-apiserver:", "expected a host name or an address, found 'a;b'"),
        ("advert_interval_s", "advert_intervall", "advert_", "did you mean `advert_interval_s`?"),
        ("nopreempt: true", "quux: true", "nopreempt", "unknown key; known are advert_interval_s, auth"),
        ("from_file:", "password:", "auth:", "a secret never stands in a profile"),
        ("unicast: true", "auth_pass: 1111", "unicast:", "put it into an environment variable or a file"),
        (
            "from_file: /var",
            "from_file: var",
            "auth:",
            "expected the absolute path of a file that holds the password",
        ),
        (
            ", from_file: /var/lib/iamops/lab/vrrp-auth",
            "",
            "auth:",
            "expected exactly one of from_env and from_file",
        ),
        ("environment: lab", "environment: prod", "environment:", "one of 'lab', 'staging' or 'production'"),
        (
            "environment: lab",
            "environment: staging",
            "network_namespace: i",
            "expected only with environment: lab",
        ),
        ("network_namespace: iamops-op", "", "environment: lab", "a lab needs network_namespace"),
        ("timeout_s: 3", "timeout_s: 9", "check:", "expected at most interval_s (5), found 9"),
        ("advert_interval_s: 1", "advert_interval_s: 1.5", "VI_1:", "version 2 needs advert_interval_s in whole"),
        ("redis: {node: iam-a", "redis: {node: iam-c", "redis:", "expected a node of this profile (iam-a, iam-b)"),
        ("health: /healthz}\n  iam-authz", "nodes: [iam-z]}\n  iam-authz", "iam-apiserver:", "found 'iam-z'"),
        ("iam.authz.marmotedu.com", "iam.api.marmotedu.com", "iam-apiserver:", "domain of another service too"),
        ("port: 8080", "port: 99999", "iam-apiserver:", "expected at most 65535, found 99999"),
        ("{port: 7070, health: /healthz}", "7070", "iam-pump:", "expected a mapping"),
        (
            "port: 8080",
            "port: 8080, quux: 1",
            "iam-apiserver:",
            "unknown key; known are backends, domain, drained, health, log, needs, nodes, port",
        ),
        ("iam.api.marmotedu.com", "'iam.api:80'", "iam-apiserver:", "expected a host name without a port"),
        ("port: 8080", "port: 8080, needs: redis", "iam-apiserver:", "expected a list"),
        ("port: 8080", "port: 8080, needs: [redis sometimes]", "iam-apiserver:", "found 'redis sometimes'"),
        ("port: 8080", "port: 8080, needs: [0]", "iam-apiserver:", "iam-apiserver:8081 or 8081"),
        (
            "port: 8080",
            "port: 8080, needs: [etcd]",
            "iam-apiserver:",
            "of this profile (mariadb, redis, mongodb, iam",
        ),
        ("port: 8080", "port: 8080, needs: [redis:1]", "iam-apiserver:", "a datastore has its own"),
        ("port: 8080", "port: 8080, needs: [iam-authz-server]", "iam-apiserver:", "neither would ever start"),
        (
            "health: /healthz}\n  iam-authz-server: {",
            "nodes: [iam-a]}\n  iam-authz-server: {needs: [iam-apiserver], ",
            "iam-authz-server:",
            "iam-apiserver does not run on iam-b, and iam-authz-server needs it on its own node",
        ),
        ("port: 8080", "port: 8080, name: x", "iam-apiserver:", "the name is the key above"),
        ("port: 8080", "port: 8080, nodes: []", "iam-apiserver:", "nothing would serve iam-apiserver"),
        ("port: 8080", "port: 8080, nodes: ", "iam-apiserver:", "with `nodes: []` on none"),
        (
            "health: /healthz}\n  iam-authz-server: {",
            "nodes: [], backends: ['198.51.100.11:80']}\n  iam-authz-server: {needs: [iam-apiserver], ",
            "iam-authz-server:",
            "iam-apiserver does not run on iam-a, iam-b, and iam-authz-server needs it on its own node",
        ),
    ],
)
def test_a_mistake_is_found_at_its_line(was, becomes, at, says):
    assert was in LAB
    text = LAB.replace(was, becomes, 1)
    found = complaints(text)
    assert any(f"p.yaml:{line_of(at)}: " in line and says in line for line in found), found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "p.yaml:1: the file is empty"),
        ("# only a comment\n", "p.yaml:1: the file is empty"),
        ("- a\n- b\n", "p.yaml:1: expected a mapping of `key: value` lines"),
        ("name: x\nnodes: [\n\n\n", "p.yaml:5: not valid YAML: a value is missing here"),
        ("name: x\nnodes: {a: 1\nvrrp: 2\n", "p.yaml:2: not valid YAML: the `{` opened here is not closed"),
        ("name: x\nnodes: 'a\nvrrp: 2\n", "p.yaml:2: not valid YAML: the quote opened here is never closed"),
        ("name: x\nnodes\nvrrp: 2\n", "p.yaml:2: not valid YAML: expected `key: value` on this line"),
        ("name: x\n\tenvironment: lab\n", "p.yaml:2: not valid YAML: expected spaces as indentation, found a tab"),
        ("name: x\n---\nname: y\n", "p.yaml:2: expected one document"),
        ("name: &a x\nenvironment: *a\n", "p.yaml:1: anchors and aliases are not supported"),
        ("name: x\nname: y\n", "p.yaml:2: name: given twice, first on line 1"),
        ("# é\n# é\nnam\x07e: y\n\n\n", "p.yaml:3: not valid YAML: it holds the character U+0007"),
        ("name: !!python/object:os.system x\n", "p.yaml:1: tags are not supported here"),
        ("name: x\n7: y\n", "p.yaml:2: expected a plain word as key, found `7`"),
        ("<<: {name: x}\n", "p.yaml:1: expected a plain word as key, found `<<`"),
        ("[1, 2]: x\n", "expected a plain word as key"),
        ("a: " + "[" * 500 + "]" * 500, "nested more than 12 levels deep"),
        ("x" * 300_000, "expected at most"),
    ],
)
def test_text_that_is_no_profile_at_all(text, says):
    assert says in "\n".join(complaints(text))


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines():
    text = LAB.replace("priority: 50", "priority: 0").replace("vip: 10.0.4.99", "vip: nowhere")
    numbers = [int(line.split(":")[1]) for line in complaints(text)]
    assert numbers == sorted(numbers)
    assert len(numbers) == 2


def test_an_entry_may_be_called_like_a_key():
    text = LAB.replace("iam-a: {", "ssh: {quux: 1, ")
    assert "nodes.ssh.quux: unknown key; known are address, interface" in "\n".join(complaints(text))


SOURCE = "{type: PASS, from_file: /var/lib/iamops/lab/vrrp-auth}"


@pytest.mark.parametrize(
    "slip",
    [
        "{type: PASS, auth_pass: hunter22}",
        "{type: PASS, password: hunter22}",
        "{type: PASS, from_env: hunter-22}",
        "{type: PASS, from_file: hunter22}",
        "{type: hunter22, from_file: hunter22}",
        "hunter22",
        "[hunter22]",
    ],
)
def test_a_secret_in_clear_is_never_repeated(slip):
    assert SOURCE in LAB
    told = "\n".join(complaints(LAB.replace(SOURCE, slip)))
    assert "hunter22" not in told.replace("hunter-22", "hunter22")


def test_a_key_of_the_file_cannot_steer_the_terminal():
    told = complaints(LAB.replace("iam-b: {", '"\\e[2Jb": {'))
    assert told[0].startswith("p.yaml:14: nodes.\\x1b[2Jb: expected a name")
    assert "\x1b" not in "".join(told)


def test_a_netmask_becomes_a_prefix_length():
    profile = parse_profile(LAB.replace("vip: 10.0.4.99", "vip: 10.0.4.99/255.255.255.0"), "p.yaml")
    assert profile.instance.vip == "10.0.4.99/24"
    assert profile.instance.address == "10.0.4.99"


PROFILES = [path.read_text() for path in sorted((Path(__file__).parents[4] / "profiles").glob("*.yaml"))]
GARBAGE = [
    "",
    "~",
    "[]",
    "{}",
    "-1",
    "1e999",
    "yes",
    "0x1F",
    "2026-11-23",
    "!!python/object:os.system x",
    "\u202e",
]
GARBAGE += ["&a", "*a", "'", '"', "|", ">", "%", "@", "`", "\t", "\x00", "\ud800", "1:30", ".nan", "<<: x", "? y"]


CASES = 1000
Breaker = Callable[[random.Random, list[str]], list[str]]


def delete_a_line(rng: random.Random, lines: list[str]) -> list[str]:
    at = rng.randrange(len(lines))
    return lines[:at] + lines[at + 1 :] or [""]


def repeat_a_line(rng: random.Random, lines: list[str]) -> list[str]:
    at = rng.randrange(len(lines))
    return [*lines[: at + 1], *lines[at:]]


def swap_two_lines(rng: random.Random, lines: list[str]) -> list[str]:
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return lines


def indent_a_line(rng: random.Random, lines: list[str]) -> list[str]:
    at = rng.randrange(len(lines))
    lines[at] = " " * rng.randrange(1, 5) + lines[at].lstrip(" ")
    return lines


def misspell_a_key(rng: random.Random, lines: list[str]) -> list[str]:
    at = rng.choice([i for i, line in enumerate(lines) if ":" in line] or [0])
    word = rng.choice(re.findall(r"\w+(?=:)", lines[at]) or ["x"])
    cut = rng.randrange(len(word))
    lines[at] = lines[at].replace(word, word[:cut] + rng.choice("xyz_") + word[cut + 1 :], 1)
    return lines


def replace_a_value(rng: random.Random, lines: list[str]) -> list[str]:
    at = rng.choice([i for i, line in enumerate(lines) if ": " in line] or [0])
    lines[at] = re.sub(r": [^,}]*", lambda _: f": {rng.choice(GARBAGE)}", lines[at], count=1)
    return lines


def insert_garbage(rng: random.Random, lines: list[str]) -> list[str]:
    at = rng.randrange(len(lines))
    cut = rng.randrange(len(lines[at]) + 1)
    lines[at] = lines[at][:cut] + rng.choice(GARBAGE) + lines[at][cut:]
    return lines


def truncate(rng: random.Random, lines: list[str]) -> list[str]:
    text = "\n".join(lines)
    return text[: rng.randrange(len(text) + 1)].split("\n")


def random_bytes(rng: random.Random, _lines: list[str]) -> list[str]:
    return rng.randbytes(rng.randrange(1, 300)).decode("utf-8", "replace").split("\n")


BREAKERS: list[Breaker] = [
    delete_a_line,
    repeat_a_line,
    swap_two_lines,
    indent_a_line,
    misspell_a_key,
    replace_a_value,
    replace_a_value,
    insert_garbage,
    truncate,
    random_bytes,
]


def broken(seed: int) -> str:
    rng = random.Random(seed)
    lines = rng.choice(PROFILES).split("\n")
    for _ in range(rng.randrange(1, 4)):
        lines = rng.choice(BREAKERS)(rng, lines or [""])
    return "\n".join(lines)


def problems_of(text: str) -> tuple[Problem, ...]:
    """Empty for a text that the damage left valid."""
    try:
        parse_profile(text, "broken.yaml")
    except ProfileError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("first", range(0, CASES, 100))
def test_a_broken_profile_is_a_clear_error_with_a_line(first):
    refused = 0
    for seed in range(first, first + 100):
        text = broken(seed)
        problems = problems_of(text)
        refused += bool(problems)
        for problem in problems:
            assert 1 <= problem.line <= text.count("\n") + 2, (seed, problem)
            assert problem.message.strip(), (seed, problem)
            assert not re.search(r"[\x00-\x1f\x7f-\x9f]", str(problem)), (seed, problem)
    assert refused > 50


def test_the_shipped_profiles_are_valid():
    for text in PROFILES:
        assert parse_profile(text, "shipped.yaml").nodes


def test_mistakes_of_form_and_of_meaning_are_told_together():
    text = LAB.replace("priority: 50", "priority: 500, name: b").replace("name: lab", "name: lab\nname: lab")
    keys = [line.split(": ")[1] for line in complaints(text)]
    assert keys == ["name", "nodes.iam-b.name", "nodes.iam-b.priority"]


@pytest.mark.parametrize(("version", "interval_s", "fits"), [
    (2, 1, True), (2, 255, True), (2, 1.5, False),
    (3, 0.01, True), (3, 0.29, True), (3, 1, True), (3, 40.95, True),
    (3, 40.96, False), (3, 200, False), (3, 0.015, False), (3, 1.001, False),
])  # fmt: skip
def test_an_advert_interval_is_one_that_its_version_can_tell(version: int, interval_s: float, fits: bool):
    """RFC 5798: hundredths of a second in twelve bits; RFC 3768: seconds in eight."""
    wanted = {"virtual_router_id": 51, "vip": "10.0.4.99", "version": version, "advert_interval_s": interval_s}
    if fits:
        assert pair(vrrp={"VI_1": wanted}).vrrp["VI_1"].advert_interval_s == interval_s
        return
    with pytest.raises(ValidationError, match=r"advert_interval_s (of|in) "):
        pair(vrrp={"VI_1": wanted})
