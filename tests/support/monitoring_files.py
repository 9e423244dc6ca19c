"""The files for Prometheus and Grafana, read as they are shipped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

MONITORING = Path(__file__).parents[2] / "docs" / "monitoring"
RULES = yaml.safe_load((MONITORING / "iamops.rules.yml").read_text())
RULES_TEST = yaml.safe_load((MONITORING / "iamops.rules.test.yml").read_text())
SCRAPE = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
DASHBOARD = json.loads((MONITORING / "iamops-dashboard.json").read_text())

GRAFANA = {"$__rate_interval": "1m", "$__range": "6h", "$cluster": "iam", "$node": "(iam-a|iam-b)"}


def alerts() -> list[dict[str, Any]]:
    return [rule for group in RULES["groups"] for rule in group["rules"]]


def dashboard_expressions() -> list[str]:
    """Every query, with a value in the place of each variable."""
    return [_filled(text) for text in _expressions(DASHBOARD)]


def metrics_in(expression: str) -> set[str]:
    return set(re.findall(r"\biamops_\w+", expression))


def _expressions(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (node["expr"] for _ in range("expr" in node))
        yield from (text for value in node.values() for text in _expressions(value))
    elif isinstance(node, list):
        yield from (text for value in node for text in _expressions(value))


def _filled(text: str) -> str:
    for variable, value in GRAFANA.items():
        text = text.replace(variable, value)
    return text
