"""keepalived configurations written in another way that means the same: seeded, so that a failure repeats."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

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
