"""All rules: registered once, silent on a healthy pair, and blind where they cannot see."""

from __future__ import annotations

import importlib
import subprocess
import sys
from dataclasses import replace
from pkgutil import iter_modules

from iamops.judge import rules as package
from iamops.judge.findings import Finding
from iamops.judge.rules.base import Rule, RuleInput
from iamops.judge.rules.itself import evaluated
from iamops.judge.triage.diagnose import RULES, diagnose
from iamops.model.events import ClientProbed, HostReported
from iamops.model.facts import HostReport, ProbeOutcome
from iamops.model.inspection import JournalInspection
from tests.support import finding_samples as samples
from tests.support.cluster_states import NOW, OK, healthy
from tests.support.looks import LATER, A, B, node_look, view
from tests.support.rule_codes import codes


def test_on_a_healthy_pair_nothing_is_found_and_only_what_needs_traffic_is_open():
    diagnosis = diagnose(view(), LATER)
    assert diagnosis.findings == ()
    assert {each.code for each in diagnosis.not_evaluated} == {"config-drift", "uneven-split"}


def test_without_a_deep_look_every_look_rule_says_that_it_is_blind():
    diagnosis = diagnose(RuleInput(healthy()), LATER)
    unclear = {each.code for each in diagnosis.not_evaluated}
    for code in (
        "foreign-adverts",
        "check-blind",
        "stale-arp",
        "nginx-config-invalid",
        "requests-failing",
        "lint",
    ):
        assert code in unclear
        assert code not in diagnosis.checked


def test_a_journal_that_begins_too_late_leaves_its_rules_unasked():
    """Rotated away or volatile: what was logged before is not known, whatever is in it."""
    short = {name: node_look(name, journal=JournalInspection((), NOW - 300)) for name in (A, B)}
    diagnosis = diagnose(view(a=short[A], b=short[B]), NOW)
    blind = {each.code: each.because for each in diagnosis.not_evaluated if each.node == B}
    for code in ("vip-flapping", "keepalived-restarted", "foreign-adverts", "unit-restarted", "script-timeout"):
        assert "goes back 5 min only" in blind[code]
        assert code not in diagnosis.checked


def test_a_healthy_pair_has_no_findings():
    assert codes() == []


def test_the_rules_of_the_live_state_load_nothing_that_only_an_examination_needs():
    code = (
        "import sys\n"
        "import iamops.judge.rules\n"
        "heavy = ('iamops.judge.lint', 'iamops.judge.runbook', 'iamops.model.inspection', 'iamops.accesslog')\n"
        "assert not [name for name in sys.modules if name.startswith(heavy)]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_worst_comes_first():
    host = HostReported(NOW, "iam-b", HostReport(disk_used_pct=99.0))
    dark = ClientProbed(NOW + 1, "VI_1", replace(OK, outcome=ProbeOutcome.REFUSED))
    assert codes(host, dark) == ["client-dark", "disk-full"]


def test_every_rule_is_registered_once():
    modules = [
        importlib.import_module(f"iamops.judge.rules.{found.name}") for found in iter_modules(package.__path__)
    ]
    made = {id(value): value for module in modules for value in vars(module).values() if isinstance(value, Rule)}
    assert sorted(made) == sorted(id(rule) for rule in RULES)


def test_no_rule_fails_on_any_sample():
    for seen in samples.views():
        titles = [each.title for each in evaluated(RULES, seen, NOW + 2) if isinstance(each, Finding)]
        assert not [title for title in titles if "cannot be judged" in title]
