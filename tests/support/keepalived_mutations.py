"""keepalived configurations written in another way that means the same: seeded, so that a failure repeats."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from iamops.model.config import KEEPALIVED_CONF, ConfFile, ConfTree
from iamops.parse.directives import Directive
from iamops.parse.keepalived.conf import keepalived_conf
from tests.support.specimens import Specimen, specimens

# Read before the blocks that use them, and in any order.
USERS = ("vrrp_instance", "vrrp_sync_group")
# Of these the last one counts, or the one behind the other.
TOGETHER = {"preempt": "nopreempt"}
_NOT_PLAIN = re.compile(r"[$@~\\\r]|^K001|K002")
_IPV6 = re.compile(r"[0-9a-fA-F]*:[0-9a-fA-F:]+(?=/|$)")


def mutable() -> list[Specimen]:
    """Specimens whose files say everything themselves."""
    return [each for each in specimens("keepalived").values() if not _NOT_PLAIN.search(_text(each))]


def breakable() -> list[Specimen]:
    """Of these, in which there is something to break on the first node, and every brace opens or closes."""
    texts = {each.name: each.trees[0].files[KEEPALIVED_CONF].content for each in mutable()}
    return [
        each
        for each in mutable()
        if "vrrp_instance" in texts[each.name] and not re.search(r"[#!].*[{}]", texts[each.name])
    ]


def _text(specimen: Specimen) -> str:
    confs = (f.content for t in specimen.trees for f in t.files.values() if f.path.endswith(".conf"))
    return "".join((*specimen.expect, *confs))


def mutated(trees: Sequence[ConfTree], seed: int, *, ordered: bool = False) -> list[ConfTree]:
    """`ordered`: the order of the blocks matters, and stays."""
    chance = random.Random(seed)
    return [_Writer(tree, chance, ordered).tree() for tree in trees]


class _Writer:
    def __init__(self, tree: ConfTree, chance: random.Random, ordered: bool) -> None:
        self._tree, self._chance, self._ordered = tree, chance, ordered
        self._reading = keepalived_conf({path: file.content for path, file in tree.files.items()})
        self._names = {block.arg: f"I_{chance.randrange(10**6)}" for block in self._reading.all("vrrp_instance")}
        self._renames = chance.random() < 0.7

    def tree(self) -> ConfTree:
        blocks = list(self._reading.directives)
        if not self._ordered:
            self._chance.shuffle(blocks)
            blocks.sort(key=lambda block: block.name in USERS)
            if blocks and blocks[0].name == "global_defs" and self._chance.random() < 0.3:
                blocks.append(blocks.pop(0))
        main: list[str] = []
        others = {path: file for path, file in self._tree.files.items() if not path.endswith(".conf")}
        for number, block in enumerate(blocks):
            lines = list(self._block(block, 0))
            # A mode of its own belongs to what stands in the file.
            whole = block.file == KEEPALIVED_CONF and self._chance.random() < 0.7
            if whole:
                main += lines
                continue
            path = f"/etc/keepalived/part-{number}.conf"
            main.append(self._chance.choice((f"include {path}", f"include part-{number}.conf")))
            others[path] = self._file(path, lines, block.file)
        others[KEEPALIVED_CONF] = self._file(KEEPALIVED_CONF, main, KEEPALIVED_CONF)
        return replace(self._tree, files=others)

    def _file(self, path: str, lines: list[str], like: str) -> ConfFile:
        return replace(self._tree.files[like], path=path, content="\n".join((*lines, "")))

    def _block(self, directive: Directive, depth: int) -> Iterator[str]:
        indent = self._chance.choice(("", "\t", "  ", "    ")) * depth
        if self._chance.random() < 0.15:
            yield indent + self._chance.choice(("# a { comment", "! another }", "", "   "))
        space = self._chance.choice((" ", " ", "\t", "   "))
        words = space.join(
            self._word(word, n, directive.name) for n, word in enumerate((directive.name, *directive.args))
        )
        behind = self._chance.choice(("", "", "", "  # why", "\t! why"))
        if directive.block is None:
            yield f"{indent}{words}{behind}"
            return
        if self._chance.random() < 0.2:
            yield from (f"{indent}{words}{behind}", f"{indent}{{")
        else:
            yield f"{indent}{words} {{{behind}"
        for inner in self._shuffled(directive.block):
            yield from self._block(inner, depth + 1)
        yield f"{indent}}}"

    def _shuffled(self, block: Sequence[Directive]) -> list[Directive]:
        """What has one name keeps its order: of two the last one counts."""
        keys: dict[str, float] = {}
        for each in block:
            keys.setdefault(TOGETHER.get(each.name, each.name), self._chance.random())
        return sorted(block, key=lambda each: keys[TOGETHER.get(each.name, each.name)])

    def _word(self, word: str, number: int, keyword: str) -> str:
        if self._renames and word in self._names and (number == 0 or keyword == "vrrp_instance"):
            word = self._names[word]
        if _IPV6.fullmatch(word.partition("/")[0]) and self._chance.random() < 0.5:
            word = word.swapcase()
        needs = not word or bool(re.search(r"[\s#!{}]", word))
        return f'"{word}"' if needs or (number and self._chance.random() < 0.15) else word


NUMBERS = ("virtual_router_id", "priority", "advert_int", "fall")
KEYWORDS = (
    *NUMBERS, "interval", "nopreempt", "interface", "virtual_ipaddress", "authentication", "unicast_src_ip",
    "track_script",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Broken:
    """One mistake in the first node's keepalived.conf. `lines`: where it may be found."""

    trees: list[ConfTree]
    what: str
    lines: frozenset[int]


def broken(trees: Sequence[ConfTree], seed: int) -> Broken:
    chance = random.Random(seed)
    file = trees[0].files[KEEPALIVED_CONF]
    lines = file.content.split("\n")
    ways = [way for way in (_misspelled, _no_value, _unopened, _unclosed) if list(way(lines, random.Random(0)))]
    changes = list(chance.choice(ways)(lines, chance))
    number, text, found = chance.choice(changes)
    spoiled = replace(file, content="\n".join((*lines[:number], *text, *lines[number + 1 :])))
    first = replace(trees[0], files={**trees[0].files, KEEPALIVED_CONF: spoiled})
    return Broken([first, *trees[1:]], f"{lines[number].strip()} -> {text}", frozenset(each + 1 for each in found))


# What becomes of which line, counted from 0, and the lines that a finding may name.
_Change = tuple[int, list[str], set[int]]


def _words(lines: list[str], keywords: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines):
        if (words := line.split()) and words[0] in keywords:
            yield number, words


def _misspelled(lines: list[str], chance: random.Random) -> Iterator[_Change]:
    for number, (word, *_) in _words(lines, KEYWORDS):
        at = chance.randrange(1, len(word) - 2)
        wrong = chance.choice(
            (word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:], f"{word[:at]}q{word[at:]}")
        )
        if wrong not in KEYWORDS:
            yield number, [lines[number].replace(word, wrong, 1)], {number}


def _no_value(lines: list[str], chance: random.Random) -> Iterator[_Change]:
    for number, (word, *_) in _words(lines, NUMBERS):
        yield number, [f"{word} {chance.choice(('eth0', 'x1', '-1', '0', '99999999999', ''))}"], {number}


def _unopened(lines: list[str], chance: random.Random) -> Iterator[_Change]:
    for number, line in enumerate(lines):
        if line.rstrip().endswith("{"):
            # The words before it may stand on the line before.
            yield number, [line.rstrip()[:-1]], set(range(number - 1, _end(lines, number) + 1))


def _unclosed(lines: list[str], chance: random.Random) -> Iterator[_Change]:
    for number, line in enumerate(lines):
        if line.rstrip().endswith("{"):
            end = _end(lines, number)
            # At its opening or one around it, or at what follows.
            around = {n for n in range(number) if lines[n].rstrip().endswith("{") and _end(lines, n) >= end}
            yield end, [], {number - 1, number, end, end + 1, *around, *(n - 1 for n in around)}


def _end(lines: list[str], begin: int) -> int:
    depth = 0
    for number in range(begin, len(lines)):
        depth += lines[number].count("{") - lines[number].count("}")
        if depth <= 0:
            return number
    return len(lines) - 1
