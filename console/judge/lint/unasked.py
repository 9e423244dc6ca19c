"""The rules that had nothing to look at: a case of theirs has not passed, it was not asked. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from console.judge.lint.catalogue import CATALOGUE
from console.judge.lint.tree import Tree
from console.model.config import KEEPALIVED_CONF, NGINX_CONF, DaemonCheck

DAEMON_RULES = {"N008": "nginx", "K017": "keepalived", "K018": "keepalived"}
# Scripts are looked at where keepalived.conf names them.
FILE_RULES = {"N": NGINX_CONF, "K": KEEPALIVED_CONF, "S": KEEPALIVED_CONF, "P": KEEPALIVED_CONF}


def unasked(trees: Sequence[Tree], checks: Sequence[DaemonCheck]) -> Mapping[str, str]:
    """Code -> why it was not asked, or not of every node."""
    return dict(_unasked(trees, {check.daemon for check in checks if not check.untold}))


def _unasked(trees: Sequence[Tree], tested: set[str]) -> Iterator[tuple[str, str]]:
    for code in CATALOGUE:
        lacking = [tree.name for tree in trees if FILE_RULES.get(code[0], "") not in ("", *tree.files)]
        daemon = DAEMON_RULES.get(code)
        if daemon is not None:
            if daemon not in tested:
                yield (
                    code,
                    f"{daemon} was not asked to test its files: only `config lint` of a live pair does that",
                )
        elif code.startswith("P") and len(trees) < 2:
            yield code, "there are no two nodes to compare"
        elif lacking:
            yield code, f"{FILE_RULES[code[0]]} of {', '.join(lacking)} is not there"
        elif code == "L001" and not all(tree.conf.loaded_at for tree in trees):
            yield code, "it is not known when the daemons last read their files"
        elif code == "L002" and any(tree.conf.rendered is None for tree in trees):
            yield code, "there is nothing that the profile renders to compare with"
