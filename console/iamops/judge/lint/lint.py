"""All rules over all trees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

from iamops.judge.lint.catalogue import CATALOGUE
from iamops.judge.lint.finding import Hit, LintFinding, LintReport
from iamops.judge.lint.keepalived import keepalived_hits
from iamops.judge.lint.nginx import nginx_hits
from iamops.judge.lint.pair import pair_hits
from iamops.judge.lint.scripts import script_hits
from iamops.judge.lint.tree import ConfigTree, daemon_hits, live_hits
from iamops.model.config import KEEPALIVED_CONF, NGINX_CONF, ConfTree, DaemonCheck
from iamops.model.facts import RANK
from iamops.model.profile import Profile
from iamops.redact.clean import words

# The rules that had nothing to look at: a case of theirs has not passed, it was not asked. Pure.

DAEMON_RULES = {"N008": "nginx", "K017": "keepalived", "K018": "keepalived"}
# Scripts are looked at where keepalived.conf names them.
FILE_RULES = {"N": NGINX_CONF, "K": KEEPALIVED_CONF, "S": KEEPALIVED_CONF, "P": KEEPALIVED_CONF}


def unasked(trees: Sequence[ConfigTree], checks: Sequence[DaemonCheck]) -> Mapping[str, str]:
    """Code -> why it was not asked, or not of every node."""
    return dict(_unasked(trees, {check.daemon for check in checks if not check.unavailable}))


def _unasked(trees: Sequence[ConfigTree], tested: set[str]) -> Iterator[tuple[str, str]]:
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


EVIDENCE_CHARS = 300


def lint(
    trees: Sequence[ConfTree],
    profile: Profile | None = None,
    checks: Sequence[DaemonCheck] = (),
    silence: Mapping[str, str] | None = None,
) -> LintReport:
    """What is wrong with the trees, each by itself and compared. `silence`: code -> why it is meant so."""
    read = [ConfigTree.of(tree) for tree in trees]
    quiet = dict(silence if silence is not None else profile.lint.silence if profile else {})
    hits = [*_all(read, profile), *daemon_hits(checks)]
    hits += [Hit("L004", f"lint.silence.{code}") for code in quiet if code not in CATALOGUE]
    hits = list(_harmless(hits))
    findings = [LintFinding(CATALOGUE[hit.code], hit, quiet.get(hit.code)) for hit in dict.fromkeys(hits)]
    names = tuple(tree.name for tree in trees)
    return LintReport(tuple(sorted(findings, key=_order)), names, unasked(read, checks))


def _all(trees: list[ConfigTree], profile: Profile | None) -> Iterator[Hit]:
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


def _peers(tree: ConfigTree, trees: list[ConfigTree], profile: Profile | None) -> frozenset[str]:
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
