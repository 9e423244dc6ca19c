"""Situations that other commands than triage tell of: what each says is worked out by its own code."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from typing import Any
from unittest.mock import patch

from iamops.accesslog.line import log_text
from iamops.cli.status.table import print_table
from iamops.judge.lint.lint import lint
from iamops.model.config import ConfFile, ConfTree
from iamops.model.events import HttpProbed, Target
from iamops.model.facts import ProbeOutcome, ProbeReport
from iamops.model.journal import LogSource
from iamops.model.traffic import Share
from iamops.nodes.evidence import evidence_commands
from iamops.nodes.inspect import journal_argv
from iamops.nodes.logs.tail import LOUDNESS, Records
from iamops.nodes.pace import HTTP, Seat
from iamops.parse.journal import journal_record
from iamops.redact.detectors.lines import Speakers
from iamops.render.nodefiles import render_node
from iamops.report.balance import BalanceTest, balance_document
from iamops.report.status import status_document
from iamops.session.logs import LogRing
from tests.support.cluster_states import NOW, OK, fed, healthy
from tests.support.finding_samples import DOMAIN
from tests.support.looks import A, B
from tests.support.profiles import pair
from tests.support.situations.files import lab, rendered
from tests.support.situations.situation import Elsewhere


def commands() -> Iterator[Elsewhere]:
    yield Elsewhere(
        "R1",
        "the apiserver is dead on iam-b while others send 150 requests a second: `iamops balance`",
        "even: 10/0, with the turns that 15 requests of others took; exit 0",
        _balance,
        ("uneven", "iam-b had none of 10"),
        ("even: 10/0",),
    )
    yield Elsewhere(
        "R8",
        "an hour of log: what the bundle, and triage's deep look, read of the journal",
        "the oldest lines: the journal ended 70 minutes ago, and nothing was said to be cut",
        _newest,
        ("--lines=", "--reverse"),
    )
    yield Elsewhere(
        "R11",
        "a service logs in colour, several lines a record, all with one priority: the Logs view",
        "\\x1b[34mERROR\\x1b[0m as text; errors as INFO; one request fills the screen",
        _coloured,
        ("critical", "ERROR", "2 lines fold"),
        ("\x1b", "[34m"),
    )
    yield Elsewhere(
        "R12",
        "`iamops status` at 80 columns, with a long error of one node",
        "the other node's column was gone",
        _narrow,
        ("iam-a", "iam-b", "✗", "✓"),
    )
    yield Elsewhere(
        "R17",
        "probes of one service on one node while all is well, by how many watch",
        "as many more as there are watchers and peers: 150 journal lines a second",
        _probes,
        ("with 1: 6 a minute", "with 3: 6 a minute"),
    )
    yield Elsewhere(
        "R18",
        "a profile that was made from another one: only its name in the files' first lines differs",
        "four times L002: the file is not what the profile asks for",
        _renamed,
        ("no findings",),
        ("L002",),
    )


def _balance() -> tuple[str, str]:
    profile = pair()
    service = profile.services["iam-apiserver"]
    shares = {A: Share(10, 150), B: Share(0)}
    dead = {B: "does not answer: port 8080 refused"}
    document = balance_document(profile, 10, {DOMAIN: BalanceTest(service, [OK] * 10, shares, {}, dead)}, {})
    return str(document["domains"][DOMAIN]["verdict"]), ""


def _newest() -> tuple[str, str]:
    profile = pair()
    bundle = next(each.argv for each in evidence_commands(profile, A) if each.name == "journal/all.log")
    assert not [word for word in bundle if word.startswith("--since")]
    look = " ".join(
        word for word in journal_argv(profile, A) if word.startswith(("--since", "--reverse", "--lines"))
    )
    return f"the newest lines: journalctl {' '.join(bundle[3:])}; journalctl {look}", ""


def _coloured() -> tuple[str, str]:
    head = "2026-11-30 01:02:03.004\t\x1b[31mERROR\x1b[0m\tiam-apiserver\tuser.go:52\tget user failed\t{"
    records, ring = Records(), LogRing()
    for text in (head, '  "error": "no connection"', "}"):
        entry: dict[str, Any] = {
            "MESSAGE": list(text.encode()),
            "_SYSTEMD_UNIT": "iam-apiserver.service",
            "PRIORITY": "6",
        }
        record = journal_record(json.dumps(entry).encode(), Speakers())
        assert record is not None
        level = records.level(record)
        if level is None:
            ring.fold(record.unit, record.message)
        else:
            ring.add(NOW, A, LogSource.JOURNAL, log_text(record.message.encode()), LOUDNESS[level], record.unit)
    (line,) = ring.page().lines
    return f"{line.severity}: {line.text.replace(chr(9), ' ')} ({len(line.more)} lines fold into it)", ""


def _narrow() -> tuple[str, str]:
    long = "iam-pump: bad answer: HTTP 400: Client sent an HTTP request to an HTTPS server on port 7070"
    bad = ProbeReport(ProbeOutcome.BAD_ANSWER, 1.0, 400, long)
    state = fed(healthy(), [HttpProbed(NOW, A, A, Target.SERVICE, "iam-pump", bad)])
    with patch.dict(os.environ, {"COLUMNS": "80"}), redirect_stdout(StringIO()) as out:
        print_table(status_document(state, (), NOW + 1))
    lines = [" ".join(each.split()) for each in out.getvalue().splitlines()]
    heads = next(each for each in lines if each.startswith("seen on"))
    pump = next(each for each in lines if each.startswith("iam-pump"))
    return f"{heads}: {pump}", ""


def _probes() -> tuple[str, str]:
    each = [f"with {n}: {n * 60 / Seat(watchers=n).period_s(HTTP):.0f} a minute" for n in (1, 3)]
    return ", ".join(each), ""


def _renamed() -> tuple[str, str]:
    mine = render_node(lab().model_copy(update={"name": "mine"}), A, dict.fromkeys(lab().vrrp, "sesame12"))
    wanted = {path: file.content for path, file in rendered(A).files.items()}
    files = {each.path: ConfFile(each.path, each.content, each.mode, each.owner, each.group) for each in mine}
    assert any(files[path].content != text for path, text in wanted.items())
    report = lint([ConfTree(A, files, rendered=wanted), rendered(B)], lab())
    return ", ".join(each.rule.code for each in report.findings) or "no findings", ""
