"""Files that nginx takes, written otherwise and broken: what lint says stays, or names the line."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from iamops.judge.lint.lint import lint
from iamops.model.config import NGINX_CONF, ConfFile, ConfTree
from iamops.parse.directives import Directive
from iamops.parse.nginx.conf import nginx_conf
from iamops.parse.nginx.statement import FREE, MAIN, PAIRS, inner_context
from iamops.parse.nginx.table import names_in, usages
from tests.support.specimens import specimens

SEED, ROUNDS = 20261201, 300
REFUSED = ("N001", "N002", "N003")
Line = tuple[str, Directive, str]


def accepted() -> list[tuple[Directive, ...]]:
    """The specimens of one node that nginx takes, with everything that they include in its place."""
    found = []
    for each in specimens("nginx").values():
        if each.daemon == "accepts" and not each.reason and len(each.trees) == 1:
            texts = {path: file.content for path, file in each.trees[0].files.items()}
            found.append(nginx_conf(texts).directives)
    return found


def quoted(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def lines(entries: tuple[Directive, ...], context: str = MAIN) -> Iterator[Line]:
    """One statement a line, with the context it stands in; a closing brace has a line and no context."""
    for entry in entries:
        name = entry.name if entry.name.isidentifier() else quoted(entry.name)
        words = " ".join([name, *map(quoted, entry.args)])
        if entry.block is None:
            yield f"{words};", entry, context
        else:
            yield f"{words} {{", entry, context
            yield from lines(entry.block, inner_context(context, entry.name))
            yield "}", entry, ""


def judged(files: dict[str, str]) -> list[tuple[str, str, int | None]]:
    tree = ConfTree("a", {path: ConfFile(path, text, 0o600) for path, text in files.items()})
    return [(f.rule.code, f.hit.evidence, f.hit.line) for f in lint([tree]).findings]


def broken(chance: random.Random, rows: list[Line]) -> tuple[str, int, str] | None:
    """The text with one mistake, the number of its line, and what was done. None: this one cannot be broken so."""
    at = chance.randrange(len(rows))
    text, entry, context = rows[at]
    if context in (FREE, ""):
        return None
    how = chance.choice(("semicolon", "brace", "misspelt", "value"))
    known = context == PAIRS or entry.name in usages()
    if known and (how, text[-1]) in (("semicolon", ";"), ("brace", "{")):
        changed = text[:-1]
    elif how == "misspelt" and len(entry.name) > 5 and entry.name in names_in(context):
        n = chance.randrange(1, len(entry.name))
        name = entry.name[:n] + chance.choice(("", "x", entry.name[n])) + entry.name[n + 1 :]
        if name in usages():
            return None
        changed = text.replace(entry.name, name, 1)
    elif how == "value" and any(way.kind in "fntczo" and way.kind for way in usages().get(entry.name, ())):
        changed = f"{entry.name} sometimes;"
    else:
        return None
    rest = [row[0] for row in rows]
    return "\n".join([*rest[:at], changed, *rest[at + 1 :]]), at + 1, f"{how}: {changed}"


def test_a_file_that_is_broken_is_told_at_the_line_that_is_broken():
    chance, missed, done = random.Random(SEED), list[str](), Counter[bool]()
    every = [list(lines(entries)) for entries in accepted()]
    while done.total() < ROUNDS:
        made = broken(chance, chance.choice(every))
        if made is None:
            continue
        text, line, how = made
        told = [(code, at) for code, _, at in judged({NGINX_CONF: text}) if code in REFUSED]
        right = line in [at for _, at in told]
        done[right] += 1
        if not right:
            missed.append(f"{how} -> {told}\n{text}")
    assert done[False] <= ROUNDS / 100, "\n\n".join(missed[:5])


def otherwise(chance: random.Random, entries: tuple[Directive, ...], split: dict[str, str]) -> str:
    """The same with other white space, quotes and order of servers, and some of the servers in their own files."""
    text, servers = "", [entry for entry in entries if entry.name == "server" and entry.block is not None]
    chance.shuffle(servers)
    for entry in entries:
        each = servers.pop() if entry.name == "server" and entry.block is not None else entry
        name = each.name if each.name.isidentifier() else quoted(each.name)
        words = [name, *(word if word.isalnum() and chance.random() < 0.5 else quoted(word) for word in each.args)]
        shown = chance.choice((" ", "\t", "  ", "\r\n    ")).join(words) if len(words) < 3 else " ".join(words)
        if each.block is None:
            shown += f"{chance.choice(('', ' '))};"
        else:
            shown += f" {{ {otherwise(chance, each.block, split)} }}"
        if each.name == "server" and each.block is not None and chance.random() < 0.3:
            path = f"/etc/nginx/parts/{len(split)}.conf"
            split[path] = shown
            shown = f"include {path.removeprefix('/etc/nginx/')};"
        text += shown + chance.choice(("\n", "\n\n", " ", " # a brace } and a quote '\n"))
    return text


@pytest.mark.parametrize("seed", range(3))
def test_a_file_that_is_written_otherwise_has_the_same_findings(seed: int):
    chance = random.Random(SEED + seed)
    for entries in accepted():
        plain = judged({NGINX_CONF: "\n".join(text for text, _, _ in lines(entries))})
        split: dict[str, str] = {}
        text = otherwise(chance, entries, split)
        other = judged({NGINX_CONF: text, **split})
        assert sorted(each[:2] for each in other) == sorted(each[:2] for each in plain), (text, split)
