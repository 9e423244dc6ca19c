"""The console as `iamops` opens it, except that every finding that it shows is noted."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from iamops.cli.console import show
from iamops.judge.findings import Finding
from iamops.model.state import ClusterState
from iamops.session.cluster import Cluster
from iamops.session.profiles import load_profile


def main(profile: str, notes: Path) -> int:
    ask = Cluster.findings
    noted: set[tuple[str, str | None, str]] = set()
    with notes.open("w", buffering=1) as out:

        def findings(cluster: Cluster, state: ClusterState, now: float) -> tuple[Finding, ...]:
            found = ask(cluster, state, now)
            for each in found:
                key = (each.code, each.node, each.title)
                if key not in noted:
                    noted.add(key)
                    evidence = [f"{said.value} ({said.source} {said.node})" for said in each.evidence]
                    document = {"code": each.code, "node": each.node, "title": each.title, "evidence": evidence}
                    out.write(json.dumps(document) + "\n")
            return found

        Cluster.findings = findings  # type: ignore[method-assign]
        return show(load_profile(profile), profile)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
