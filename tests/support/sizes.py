"""What each feature costs in lines: `python -m tests.support.sizes` prints the table of ARCHITECTURE.md."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import iamops

PACKAGE = Path(iamops.__file__).parent
# A file belongs to the first feature that names it; what is left over is what all of them stand on.
FEATURES = {
    "access logs, traffic, balance": (
        "accesslog/* nodes/logs/* session/traffic.py model/traffic.py model/log_format.py report/traffic.py "
        "report/balance.py judge/balance.py cli/traffic/* cli/balance/* tui/traffic/* "
        "tui/overview/requests.py"
    ),
    "findings, triage, runbook": (
        "judge/rules/* judge/runbook/* judge/triage/* judge/findings.py session/triage/* "
        "cli/triage/* tui/triage.py report/triage.py model/inspection.py nodes/inspect.py "
        "nodes/evidence.py parse/inspection.py parse/complaints.py tui/overview/finding.py"
    ),
    "watch, alerts, metrics": (
        "judge/alerts/* session/watch/* session/metrics.py report/metrics.py report/watch.py "
        "report/markup.py ledger/outbox.py ledger/watch_directory.py cli/watch/* "
        "session/own_command.py"
    ),
    "lint, files that are not loaded": (
        "judge/lint/* judge/disk/* judge/config.py parse/keepalived/* parse/nginx/* parse/shell.py"
    ),
    "drills": (
        "judge/drill/* session/drills/* parse/drill/* model/drill.py plan/drill.py cli/drill/* "
        "tui/drills/* report/drill.py judge/guards/drills.py nodes/probes/gap.py model/outage.py"
    ),
    "configuration, backends": (
        "render/* plan/config/* session/config/* nodes/config.py parse/config_files.py "
        "parse/directives.py parse/profile/edit.py model/config.py cli/config/* cli/backend/* "
        "tui/config.py report/config.py plan/backends.py"
    ),
    "actions: plans, guards, engine": (
        "plan/* judge/guards/* judge/run.py engine/* session/operator.py session/adapters.py "
        "nodes/lock.py cli/acting.py cli/acting.py cli/actions.py tui/dialogs/* tui/app/controller.py "
        "report/run.py"
    ),
    "audit": "ledger/* cli/audit/* tui/audit.py",
    "redaction, bundles": "redact/* session/bundle/* report/bundle.py session/user_files.py",
    "lab": "lab/* cli/lab.py",
    "console": "tui/*",
    "command line": "cli/*",
    "profiles": "parse/profile/* parse/yaml_tree.py model/profile.py session/profiles.py report/profile.py",
    "SSH, collectors, probes": "nodes/* parse/*",
    "state, session, documents": "*",
}


def sizes() -> dict[str, tuple[int, int]]:
    """Feature -> its lines and files (without `__init__`)."""
    lines, files = Counter[str](), Counter[str]()
    for path in sorted(PACKAGE.rglob("*.py")):
        feature = feature_of(path.relative_to(PACKAGE).as_posix())
        lines[feature] += len(path.read_text(encoding="utf-8").splitlines())
        files[feature] += path.stem != "__init__"
    return {name: (lines[name], files[name]) for name in FEATURES}


def feature_of(file: str) -> str:
    return next(
        name
        for name, patterns in FEATURES.items()
        if any(
            file.startswith(pattern.removesuffix("*")) if pattern.endswith("*") else file == pattern
            for pattern in patterns.split()
        )
    )


def table() -> str:
    """Rounded to hundreds: a table that changes with every line is read by nobody."""
    found = sorted(sizes().items(), key=lambda item: -item[1][0])
    rows = [f"| {name} | {round(lines, -2):,} | {files} |" for name, (lines, files) in found]
    total = (
        f"| all | {round(sum(lines for _, (lines, _) in found), -2):,} | {sum(files for _, (_, files) in found)} |"
    )
    return "\n".join(("| feature | lines | files |", "|---|---:|---:|", *rows, total))


if __name__ == "__main__":
    print(table())
