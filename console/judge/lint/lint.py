"""All rules over all trees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

from console.judge.lint.catalogue import CATALOGUE
from console.judge.lint.finding import Hit, LintFinding, LintReport
from console.judge.lint.keepalived import keepalived_hits
from console.judge.lint.live import daemon_hits, live_hits
from console.judge.lint.nginx import nginx_hits
from console.judge.lint.pair import pair_hits
from console.judge.lint.scripts import script_hits
from console.judge.lint.tree import Tree
from console.judge.lint.unasked import unasked
from console.model.config import ConfTree, DaemonCheck
from console.model.facts import RANK
from console.model.profile import Profile
from console.parse.words import words

EVIDENCE_CHARS = 300


def lint(
    trees: Sequence[ConfTree],
    profile: Profile | None = None,
    checks: Sequence[DaemonCheck] = (),
    silence: Mapping[str, str] | None = None,
) -> LintReport:
    """What is wrong with the trees, each by itself and compared. `silence`: code -> why it is meant so."""
    read = [Tree.of(tree) for tree in trees]
    quiet = dict(silence if silence is not None else profile.lint.silence if profile else {})
    hits = [*_all(read, profile), *daemon_hits(checks)]
    hits += [Hit("L004", f"lint.silence.{code}") for code in quiet if code not in CATALOGUE]
    hits = list(_harmless(hits))
    findings = [LintFinding(CATALOGUE[hit.code], hit, quiet.get(hit.code)) for hit in dict.fromkeys(hits)]
    names = tuple(tree.name for tree in trees)
    return LintReport(tuple(sorted(findings, key=_order)), names, unasked(read, checks))


def _all(trees: list[Tree], profile: Profile | None) -> Iterator[Hit]:
    for tree in trees:
        yield from nginx_hits(tree, profile, _peers(tree, trees, profile))
        yield from keepalived_hits(tree, profile)
        yield from script_hits(tree)
        yield from live_hits(tree, profile)
    yield from pair_hits(trees)


def _harmless(hits: Iterable[Hit]) -> Iterator[Hit]:
    """Evidence and file names are a node's text: they go to terminals, JSON and XML. Many say the same."""

    @cache
    def shown(text: str) -> str:
        return words(text, EVIDENCE_CHARS)

    for hit in hits:
        yield replace(hit, evidence=shown(hit.evidence), file=None if hit.file is None else shown(hit.file))


def _peers(tree: Tree, trees: list[Tree], profile: Profile | None) -> frozenset[str]:
    """The other nodes' addresses: by the profile, or by what the files say of each other."""
    node = tree.node(profile)
    if profile is not None and node is not None:
        return frozenset(peer.address for peer in profile.peers_of(node.name))
    named = {peer for vrrp in tree.vrrp for peer in vrrp.peers}
    sources = {v.unicast_src for each in trees if each is not tree for v in each.vrrp if v.unicast_src}
    return frozenset(named | sources)


def _order(finding: LintFinding) -> tuple[object, ...]:
    hit = finding.hit
    return (
        finding.silenced is not None,
        RANK[finding.rule.severity],
        hit.node or "",
        hit.file or "",
        hit.line or 0,
        hit.code,
    )
