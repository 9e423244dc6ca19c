"""`iamops audit verify --nodes`: the ledger beside what the nodes' journals remember of it."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

from iamops.cli.audit.run import verdict_lines, verify_document
from iamops.cli.output import print_lines
from iamops.ledger.anchors import Compared, Misfit, chain_of, compare, places_of, proven
from iamops.ledger.verify import ChainVerdict, verify
from iamops.model.exit_code import ExitCode
from iamops.model.text import counted
from iamops.model.timestamps import rfc3339
from iamops.nodes.history import JournalRead
from iamops.report.text import Json, exact_json
from iamops.session.profiles import load_profile
from iamops.session.triage.timeline import journals
from iamops.session.user_files import ledger_file

# Of each kind: a ledger that was cut may be missed by thousands of lines.
SHOWN = 3


def verify_with_nodes(path: Path, args: argparse.Namespace) -> int:
    """1 for a ledger that is broken or not what a node remembers; else 4 when no journal could be read."""
    for earlier in args.earlier:
        ledger_file(earlier)
    places = places_of(path)
    read = asyncio.run(journals(load_profile(args.profile), chain_of(path).ledger, places))
    # After the journals: what is written meanwhile is in the ledger before it is in them.
    verdict, own, earlier = verify(path), chain_of(path), [chain_of(ledger) for ledger in args.earlier]
    compared = {
        node: compare(journal.lines, own, places, intact=verdict.records, earlier=earlier)
        for node, journal in read.items()
        if not journal.unreadable
    }
    if args.json:
        nodes = {node: _node(journal, compared.get(node)) for node, journal in read.items()}
        print(exact_json({**verify_document(verdict), "ledger": own.ledger, "nodes": nodes}))
    else:
        print_lines([*verdict_lines(path, verdict), *_lines(read, compared, verdict)])
    if verdict.broken is not None or any(result.unfit for result in compared.values()):
        return ExitCode.CHECK_FAILED
    return ExitCode.OK if compared else ExitCode.UNREACHABLE


def _node(journal: JournalRead, compared: Compared | None) -> Json:
    if compared is None:
        return {"read": False, "reason": journal.unreadable}
    last = compared.proven
    return {
        "read": True,
        "notes": list(journal.notes),
        "lines": compared.lines,
        "matched": compared.matched,
        "proven": None if last is None else {"n": last.anchor.n, "at": rfc3339(last.at, "seconds")},
        "unfit": [
            {
                "kind": str(unfit.kind),
                "n": unfit.line.anchor.n,
                "at": rfc3339(unfit.line.at, "seconds"),
                "run": unfit.line.run,
                "ledger": unfit.line.anchor.ledger,
                "by": unfit.line.by or None,
                "uid": unfit.line.uid,
                "reason": unfit.reason,
            }
            for unfit in compared.unfit
        ],
        "others": [
            {
                "ledger": other.ledger,
                "lines": other.lines,
                "by": list(other.by),
                "first": rfc3339(other.first_at, "seconds"),
                "last": rfc3339(other.last_at, "seconds"),
            }
            for other in compared.others
        ],
    }


def _lines(
    read: Mapping[str, JournalRead], compared: Mapping[str, Compared], verdict: ChainVerdict
) -> Iterator[str]:
    for node, journal in read.items():
        if node not in compared:
            yield f"{node}: its journal was not read: {journal.unreadable}"
            continue
        yield from (f"{node}: {line}" for line in _node_lines(compared[node]))
        yield from (f"{node}: note: {note}" for note in journal.notes)
    if not compared:
        yield "nothing was compared with the nodes"
        return
    misfits = {unfit.kind for result in compared.values() for unfit in result.unfit}
    if Misfit.REPLACED in misfits:
        yield "if you moved that ledger away yourself, name it: --earlier PATH"
    matched, last = sum(result.matched for result in compared.values()), proven(compared)
    if last:
        yield f"up to record {last} the ledger is what the nodes remember ({counted(matched, 'line')})"
        if verdict.records > last:
            yield f"records after {last} are vouched for by this machine alone"
    elif not misfits:
        yield "no line of this ledger is in what was read: nothing was compared with the nodes"


def _node_lines(compared: Compared) -> Iterator[str]:
    if compared.matched:
        yield f"{counted(compared.matched, 'line')} of this ledger, and each record is as it was"
    elif not compared.unfit:
        yield "no line of this ledger"
    for kind in Misfit:
        unfit = [found for found in compared.unfit if found.kind is kind]
        for found in unfit[-SHOWN:]:
            who = "" if found.line.uid is None else f", written by uid {found.line.uid}"
            yield f"{rfc3339(found.line.at, 'seconds')}: {found.reason} (run {found.line.run}{who})"
        if len(unfit) > SHOWN:
            yield f"and {len(unfit) - SHOWN} more of that kind"
    for other in compared.others:
        by = f" by {', '.join(other.by)}" if other.by else ""
        span = f"{rfc3339(other.first_at, 'seconds')} to {rfc3339(other.last_at, 'seconds')}"
        lines = counted(other.lines, "line")
        yield f"{lines} of ledger {other.ledger}{by}, {span}: another ledger, not compared"
