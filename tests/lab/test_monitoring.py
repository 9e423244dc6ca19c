"""The alerts and the dashboard, judged by Prometheus's own tool. It runs nothing and asks nobody."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.monitoring_files import MONITORING, RULES, dashboard_expressions


@pytest.fixture(scope="module")
def promtool() -> str:
    beside_python = Path(sys.executable).parent / "promtool"
    found = str(beside_python) if beside_python.exists() else shutil.which("promtool")
    return found or pytest.fail("promtool is missing; get it with: make .venv/bin/promtool")


def accepted(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, cwd=MONITORING)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_accepts_the_rules(promtool):
    number = len([rule for group in RULES["groups"] for rule in group["rules"]])
    assert f"SUCCESS: {number} rules found" in accepted(promtool, "check", "rules", "iamops.rules.yml")


def test_every_alert_fires_when_it_should_and_only_then(promtool):
    assert "SUCCESS" in accepted(promtool, "test", "rules", "iamops.rules.test.yml")


def test_promtool_accepts_the_example_of_a_configuration(promtool):
    assert "SUCCESS" in accepted(promtool, "check", "config", "prometheus.yml")


def test_the_dashboards_queries_are_promql(promtool, tmp_path):
    """promtool reads no dashboards: the queries become rules, with Grafana's variables put in."""
    rules = [
        {"record": f"iamops:panel{number}", "expr": expression}
        for number, expression in enumerate(dashboard_expressions())
    ]
    path = tmp_path / "dashboard.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"SUCCESS: {len(rules)} rules found" in accepted(promtool, "check", "rules", str(path))


def test_promtool_finds_no_fault_in_the_page_itself(promtool):
    """`check metrics` knows the customs of names, units and help texts."""
    code = (
        "from iamops.report.metrics import classic\n"
        "from iamops.report.metrics import families\n"
        "from tests.support.metric_samples import CAUSE, LATER, full\n"
        "print(classic(families(full(), (CAUSE,), LATER)), end='')\n"
    )
    page = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    done = subprocess.run(
        [promtool, "check", "metrics"], input=page.stdout, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
