"""docs/lint.md, made from the catalogue and the specimens that show a rule."""

from __future__ import annotations

from collections.abc import Iterator

from iamops.judge.lint.catalogue import CATALOGUE
from iamops.judge.lint.finding import LintRule
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

Every rule has a fixture that triggers it in `tests/support/lint_trees.py` (`FIXTURES`, by code). Below the table
stand files that trigger a rule, and files that look alike and do not (`tests/fixtures/specimens/`).
"""


def lint_page() -> str:
    shown: dict[str, list[Specimen]] = {}
    for daemon in ("nginx", "keepalived"):
        for specimen in specimens(daemon).values():
            if specimen.page:
                shown.setdefault(specimen.page, []).append(specimen)
    sections = (line for code, rule in CATALOGUE.items() for line in _section(rule, shown.get(code, [])))
    return "\n".join((HEAD, *_table(shown), *sections, ""))


def _table(shown: dict[str, list[Specimen]]) -> Iterator[str]:
    yield from ("| code | severity | what | why | fix |", "|---|---|---|---|---|")
    for rule in CATALOGUE.values():
        code = f"[{rule.code}](#{rule.code.lower()})" if rule.code in shown else rule.code
        yield f"| {code} | {rule.severity} | {rule.title} | {rule.why} | {rule.fix} |"


def _section(rule: LintRule, own: list[Specimen]) -> Iterator[str]:
    if not own:
        return
    yield from ("", f"## {rule.code}", "", f"{rule.title[:1].upper()}{rule.title[1:]}: {rule.why}.")
    for specimen in sorted(own, key=lambda each: not _fires(rule, each)):
        fires = _fires(rule, specimen)
        yield from ("", f"{'Triggers it' if fires else 'Looks alike, and does not'}: {specimen.what}", "")
        for tree in specimen.trees:
            for path, file in tree.files.items():
                mode = f", mode {file.mode:o}" if rule.code in ("K016", "S005", "S006") else ""
                yield f"    # {tree.name}:{path}{mode}"
                yield from (f"    {line}".rstrip() for line in file.content.rstrip("\n").splitlines())
        lines = [
            where for code, _, where in (each.partition(" ") for each in specimen.expect) if code == rule.code
        ]
        if lines:
            yield from ("", f"Found at {', '.join(f'`{where}`' for where in lines)}.")


def _fires(rule: LintRule, specimen: Specimen) -> bool:
    return any(each.startswith(f"{rule.code} ") for each in specimen.expect)
