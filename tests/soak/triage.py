"""Every runtime rule of triage against a real fault on the lab: rule x fault, and what else was said."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from iamops.judge.runbook.catalogue import ENTRIES
from tests.lab.acting import acting_lab
from tests.lab.triage_cases import CASES, PLACE, Case, Seen, codes_of, examined, triage

PAGE = Path(__file__).parents[2] / "docs" / "triage-matrix.md"
HEAD = (
    "# Rule x fault",
    "",
    "Printed by `python -m tests.soak.triage --save`: every runtime rule, a real fault on the lab, and what",
    "`iamops triage` made of it. `root` stands first in its answer; what it explains stands under it.",
    "",
    "| rule | fault | named after | root | explained |",
    "|---|---|---|---|---|",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.triage", description=__doc__)
    parser.add_argument("codes", nargs="*", metavar="CODE", help="only these rules")
    parser.add_argument("--save", action="store_true", help=f"keep the matrix in {PAGE.name}")
    args = parser.parse_args()
    chosen = [case for case in CASES if not args.codes or case.code in args.codes]
    lines, wrong = list(HEAD), list[str]()
    with acting_lab(place=PLACE) as lab:
        for case in chosen:
            lab.reset()  # the evidence of a fault outlives it: journals and logs remember
            seen = examined(lab, case)
            lines.append(_row(case, seen))
            print(lines[-1], flush=True)
            wrong += _wrong(case, seen)
        lab.reset()
        left = codes_of(triage(lab)["findings"])
    wrong += [f"{entry.code} has no fault" for entry in ENTRIES if not args.codes and _uncovered(entry.code)]
    wrong += [f"{code}: fires on a healthy pair" for code in left]
    lines += ["", *(wrong or [f"All {len(chosen)} as they should be, and none of them fires on a healthy pair."])]
    print("\n".join(lines[-len(wrong) - 1 :]))
    if args.save:
        PAGE.write_text("\n".join(lines) + "\n")
    return 1 if wrong else 0


# Faults of iamops itself, of this machine's way to a node, what only months bring, and what no stand-in writes.
WITHOUT = (
    "part-failing",
    "part-still",
    "login-slow",
    "certificate-expires-soon",
    "no-tls",
    "datastore-refuses-writes",
    # A lab on version 1 of control groups has no memory controller.
    "unit-out-of-memory",
)


def _uncovered(code: str) -> bool:
    return code not in WITHOUT and all(case.code != code for case in CASES)


def _row(case: Case, seen: Seen) -> str:
    named = f"{seen.after_s:.0f} s" if case.code in seen.all else "**never**"
    return f"| {case.code} | {case.what} | {named} | {', '.join(seen.roots)} | {', '.join(seen.explained)} |"


def _wrong(case: Case, seen: Seen) -> Iterator[str]:
    if case.code not in seen.all:
        yield f"{case.code}: not named"
    elif seen.roots[0] != case.first:
        yield f"{case.code}: {seen.roots[0]} came first, not {case.first}"


if __name__ == "__main__":
    sys.exit(main())
