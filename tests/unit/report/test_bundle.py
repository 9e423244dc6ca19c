"""The manifest of a bundle: what is in it, what was taken out and where, and what is missing."""

from __future__ import annotations

import json

from iamops.redact.redact import Redaction
from iamops.report.bundle import LINES_NAMED, Circumstances, Member, NotCollected, manifest, totals

AROUND = Circumstances(1_795_442_000.0, "ops@desk", "lab", "lab", "0.7.0", 1000, 100, 30.0)


def found(kind: str, *lines: int) -> tuple[Redaction, ...]:
    return tuple(Redaction(line, kind, 1) for line in lines)


def test_every_file_is_named_with_its_size_its_source_and_its_node():
    document = manifest(AROUND, [Member("iam-a/journal.txt", b"12345", "journalctl", "iam-a")], [])
    assert document["schema"] == "iamops.bundle/1"
    assert document["files"] == [
        {
            "path": "iam-a/journal.txt",
            "bytes": 5,
            "source": "journalctl",
            "node": "iam-a",
            "truncated": False,
            "redactions": [],
        }
    ]
    assert json.loads(json.dumps(document)) == document


def test_a_file_that_was_cut_says_which_end_is_there():
    (file,) = manifest(AROUND, [Member("x", b"", "tail", truncated=True, kept="end")], [])["files"]
    assert (file["truncated"], file["kept"]) == (True, "end")


def test_what_was_taken_out_is_counted_by_kind_and_named_by_line():
    members = [
        Member("x", b"", "s", redactions=found("password", 3, 7)),
        Member("y", b"", "s", redactions=found("jwt", 1) + found("password", 2)),
    ]
    assert totals(members) == {"jwt": 1, "password": 3}
    document = manifest(AROUND, members, [])
    assert document["redactions"] == {"jwt": 1, "password": 3}
    assert document["files"][0]["redactions"] == [{"kind": "password", "count": 2, "lines": [3, 7]}]


def test_of_a_flood_of_lines_the_first_are_named_and_the_others_counted():
    member = Member("x", b"", "s", redactions=found("password", *range(LINES_NAMED + 3)))
    (told,) = manifest(AROUND, [member], [])["files"][0]["redactions"]
    assert (len(told["lines"]), told["lines_not_named"]) == (LINES_NAMED, 3)


def test_what_is_missing_is_told_with_its_reason_and_without_secrets():
    missing = NotCollected("iam-b/nginx.txt", "nginx -T", "iam-b", "password=s3cr3tWord9\x1b[31m refused")
    (told,) = manifest(AROUND, [], [missing])["uncollected"]
    assert (told["what"], told["node"], told["source"]) == ("iam-b/nginx.txt", "iam-b", "nginx -T")
    assert "s3cr3tWord9" not in told["reason"]
    assert told["reason"].isprintable()
