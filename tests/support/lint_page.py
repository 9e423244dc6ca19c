"""docs/lint.md, made from the catalogue and the specimens that show a rule."""

from __future__ import annotations

from collections.abc import Iterator

from iamops.judge.lint.catalogue import CATALOGUE
from iamops.judge.lint.finding import LintFinding, LintRule
from iamops.judge.lint.lint import lint
from tests.support.specimens import Specimen, specimens

HEAD = """\
# Lint rules

`iamops config lint` looks at the live pair, at directories (`iamops config lint node-a/ node-b/`), or at what the
profile renders (`--rendered`). Both daemons' files are read by their grammars; on
the live pair `nginx -t` and `keepalived -t` are asked too, and their messages are findings like any other.

Definitions (`$`), `~SEQ` and `~LST` of keepalived are evaluated. Conditionals (`@`), and definitions that only the
running daemon knows (`${_INSTANCE}`, `${_RANDOM}`, `${_ENV …}`), are told (K002): the files are read once for each
name that a conditional has, and a value that is not the same each time is neither judged nor compared between the
nodes. K001 also tells a keyword that keepalived does not have, one in a block where it does not belong, a brace
that is missing, and a value that is no number, out of range, or missing; a keyword of any version from 1.3.5 to
2.4 is known.

What keepalived.conf includes beside the managed files is read as far as the login user may; what is not read is
said to be (L003), and nothing is said to be missing that may stand in it.

nginx's files are read as nginx reads them, in any version from 1.10 on: what one of them takes is not refused. A
directive of a module that nginx.org does not publish is told (N009), not judged, and blocks of Lua are passed
over; a name that misses a known one by a letter or two is refused (N002). A directory with `etc/nginx` in it is
taken as the whole of it: a file that is included by its name and is not there is a fault (N002). Elsewhere, on a
live node, and where files lie side by side, such a file may exist and is told as not at hand (L003); then no
rule concludes anything from what may stand in it. An absolute link in a directory leads to a file of the same
directory, as it does on the node.

The nodes of a cluster are compared instance by instance (P). Which instances belong together is known by their
virtual_router_id, address family, interface and VIPs, not by their names: each node may name and order its own as
it likes.

The mode and owner of a file are judged where it was read from a node. A directory may be a checkout, which keeps
no more than who may execute: there K016 and S006 speak only if some file is kept from others, which shows that
modes were copied.

Exit code 1 when something at `--fail-on` (default: warning) or above was found. `--format json`, `sarif` or
`junit` for pipelines. A rule that is broken on purpose is silenced in the profile, with the reason:

    lint:
      silence: {K008: "one probe decides here, the check itself asks three times"}

Below the table stand, for each rule, a file that triggers it and one that looks alike and does not. They are among
the specimens of `tests/fixtures/specimens/`, which the daemons themselves have read: where `keepalived -t` or
`nginx -t` refuses a file, lint finds something in it, and where lint says that one refuses it, it does, unless the
specimen says why not.
"""


# What files alone do not show: what triggers the rule, and what looks alike and does not.
OTHERWISE = {
    "N008": ('`nginx -t` on the node says `[emerg] unexpected "}" in /etc/nginx/nginx.conf:9`',
        "it says `[warn] conflicting server name`, and that the test is successful"),
    "K014": ("`unicast_src_ip 192.0.2.9` on a node that the profile has at 192.0.2.1",
        "the same line on the node that the profile has at 192.0.2.9"),
    "K017": ("`keepalived -t` on the node ends with exit status 5 and `(Line 3) Unknown keyword 'nopremept'`",
        "it prints the same words about a script only, with exit status 6 (K018)"),
    "K018": ("`keepalived -t` ends with exit status 6 and `Unsafe permissions found for script '/x'`",
        "it ends with 0 and prints `Using script user root`"),
    "L001": ("nginx.conf was changed at 10:05, and nginx last read its files at 10:00",
        "a check script was changed at 10:05: keepalived reads it anew at every run"),
    "L002": ("the profile renders `fail_timeout=2s`, and the file on the node has `fail_timeout=10s`",
        "comments, blanks and the profile's name in the first line differ"),
    "L003": ("a directory holds nginx.conf and no keepalived.conf", "it holds both"),
    "L004": ("`lint.silence: {K999: …}` in the profile", "`lint.silence: {K008: …}`, which no file breaks"),
}  # fmt: skip


def lint_page() -> str:
    shown: dict[str, list[Specimen]] = {}
    for daemon in ("nginx", "keepalived"):
        for specimen in specimens(daemon).values():
            if specimen.page:
                shown.setdefault(specimen.page, []).append(specimen)
    sections = (line for code, rule in CATALOGUE.items() for line in _section(rule, shown.get(code, [])))
    return "\n".join((HEAD, *_table(), *sections, ""))


def _table() -> Iterator[str]:
    yield from ("| code | severity | what | why | fix |", "|---|---|---|---|---|")
    for rule in CATALOGUE.values():
        code = f"[{rule.code}](#{rule.code.lower()})"
        yield f"| {code} | {rule.severity} | {rule.title} | {rule.why} | {rule.fix} |"


def _section(rule: LintRule, own: list[Specimen]) -> Iterator[str]:
    yield from ("", f"## {rule.code}", "", _sentence(f"{rule.title}: {rule.why}"))
    if rule.code in OTHERWISE:
        triggers, alike = OTHERWISE[rule.code]
        yield from ("", f"Triggers it: {triggers}.", "", f"Looks alike, and does not: {alike}.")
    for specimen in sorted(own, key=lambda each: not broken_by(rule.code, each)):
        found = broken_by(rule.code, specimen)
        yield from (
            "",
            f"{'Triggers it' if found else 'Looks alike, and does not'}: {_sentence(specimen.what)}",
            "",
        )
        for tree in specimen.trees:
            for path, file in tree.files.items():
                mode = f", mode {file.mode:o}" if rule.code in ("K016", "S005", "S006") else ""
                yield f"    # {tree.name}:{path}{mode}"
                yield from (f"    {line}".rstrip() for line in file.content.rstrip("\n").splitlines())
        if found:
            places = sorted({finding.where for finding in found})
            yield from ("", f"Found at {', '.join(f'`{place}`' for place in places)}.")


def _sentence(text: str) -> str:
    """A keyword keeps its letters."""
    first = text.split()[0]
    return f"{text if '_' in first else text[:1].upper() + text[1:]}".removesuffix(".") + "."


def broken_by(code: str, specimen: Specimen) -> list[LintFinding]:
    """Where a specimen breaks a rule."""
    return [finding for finding in lint(list(specimen.trees)).findings if finding.rule.code == code]
