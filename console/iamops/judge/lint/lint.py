"""All rules over all trees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
from iamops.redact.clean import clean_text

EVIDENCE_CHARS = 300
DAEMON_RULES = {"N008": "nginx", "K017": "keepalived", "K018": "keepalived"}
# Scripts are looked at where keepalived.conf names them.
FILE_RULES = {"N": NGINX_CONF, "K": KEEPALIVED_CONF, "S": KEEPALIVED_CONF, "P": KEEPALIVED_CONF}


def lint(
    trees: Sequence[ConfTree],
    profile: Profile | None = None,
    checks: Sequence[DaemonCheck] = (),
    silence: Mapping[str, str] | None = None,
) -> LintReport:
    """What is wrong with the trees, each of them alone and compared. `silence`: code -> why it is meant so."""
    read = [ConfigTree.of(tree) for tree in trees]
    quiet = dict(silence if silence is not None else profile.lint.silence if profile else {})
    hits = [*_hits(read, profile), *daemon_hits(checks)]
    hits += [Hit("L004", f"lint.silence.{code}") for code in quiet if code not in CATALOGUE]

    @cache
    def shown(text: str) -> str:
        """Evidence and file names are a node's text: they go to terminals, JSON and XML. Many say the same."""
        return clean_text(text, EVIDENCE_CHARS)

    hits = [replace(h, evidence=shown(h.evidence), file=None if h.file is None else shown(h.file)) for h in hits]
    findings = [LintFinding(CATALOGUE[hit.code], hit, quiet.get(hit.code)) for hit in dict.fromkeys(hits)]
    names, not_asked = tuple(tree.name for tree in trees), dict(_unasked(read, checks))
    return LintReport(tuple(sorted(findings, key=_order)), names, not_asked)


def _hits(trees: list[ConfigTree], profile: Profile | None) -> Iterator[Hit]:
    for tree in trees:
        node = tree.node(profile)
        if profile is not None and node is not None:
            peers = {peer.address for peer in profile.peers_of(node.name)}
        else:
            # By what the files say of each other.
            peers = {peer for vrrp in tree.vrrp for peer in vrrp.peers}
            peers |= {v.unicast_src for other in trees if other is not tree for v in other.vrrp if v.unicast_src}
        yield from nginx_hits(tree, profile, frozenset(peers))
        yield from keepalived_hits(tree, profile)
        yield from script_hits(tree)
        yield from live_hits(tree, profile)
    yield from pair_hits(trees)


def _unasked(trees: Sequence[ConfigTree], checks: Sequence[DaemonCheck]) -> Iterator[tuple[str, str]]:
    """Rules that had nothing to look at, or not on every node, and why: a case of theirs has not passed."""
    tested = {check.daemon for check in checks if not check.unavailable}
    for code in CATALOGUE:
        needs = FILE_RULES.get(code[0], "")
        lacking = [tree.name for tree in trees if needs not in ("", *tree.files)]
        daemon = DAEMON_RULES.get(code)
        if daemon is not None:
            if daemon not in tested:
                why = "was not asked to test its files: only `config lint` of a live pair does that"
                yield code, f"{daemon} {why}"
        elif code.startswith("P") and len(trees) < 2:
            yield code, "there are no two nodes to compare"
        elif lacking:
            yield code, f"{needs} of {', '.join(lacking)} is not there"
        elif code == "L001" and not all(tree.conf.loaded_at for tree in trees):
            yield code, "it is not known when the daemons last read their files"
        elif code == "L002" and any(tree.conf.rendered is None for tree in trees):
            yield code, "there is nothing that the profile renders to compare with"


def _order(finding: LintFinding) -> tuple[object, ...]:
    hit, rank = finding.hit, RANK[finding.rule.severity]
    return (finding.silenced is not None, rank, hit.node or "", hit.file or "", hit.line or 0, hit.code)
