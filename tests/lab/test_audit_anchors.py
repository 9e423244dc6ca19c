"""The ledger beside the journals of the real pair: what fits on this machine is not yet what nodes remember."""

from __future__ import annotations

from pathlib import Path

from iamops.ledger.audit import head_file, read
from tests.lab.acting import ActingLab, Done


def test_a_ledger_cut_together_with_its_side_file_is_found_by_the_nodes(acting: ActingLab, tmp_path: Path):
    def run(*argv: str) -> Done:
        return acting.run(*argv, XDG_STATE_HOME=str(tmp_path))

    def verified() -> Done:
        for node in acting.profile.nodes:
            acting.says(node, "journalctl", "--sync")
        return run("audit", "verify", "--nodes", "--json")

    runs = [run("restart", "iam-pump", node, "--yes", "--json").document["run"] for node in ("iam-a", "iam-b")]
    whole = verified()
    assert whole.code == 0, whole.out
    nodes = whole.document["nodes"]
    assert {node: (each["matched"], each["unfit"]) for node, each in nodes.items()} == {
        "iam-a": (2, []),
        "iam-b": (2, []),
    }
    assert nodes["iam-b"]["proven"]["n"] == whole.document["records"] == 4

    ledger = tmp_path / "iamops" / "audit.jsonl"
    kept = ledger.read_bytes()
    lines = kept.splitlines(keepends=True)[:2]
    ledger.write_bytes(b"".join(lines))
    last = list(read(ledger))[-1]
    head_file(ledger).write_text(f"{last.n} {last.hash}\n")
    assert run("audit", "verify").code == 0
    cut = verified()
    assert cut.code == 1
    assert cut.document["broken"] is None
    unfit = cut.document["nodes"]["iam-b"]["unfit"]
    assert [(each["kind"], each["n"], each["run"]) for each in unfit] == [
        ("missing", 3, runs[1]),
        ("missing", 4, runs[1]),
    ]
    assert cut.document["nodes"]["iam-a"]["unfit"] == []

    assert run("restart", "iam-pump", "iam-a", "--yes", "--json").code == 0
    later = verified()
    assert later.code == 1
    assert {each["kind"] for each in later.document["nodes"]["iam-b"]["unfit"]} == {"differs"}

    for each in (ledger, head_file(ledger)):
        each.unlink()
    gone = verified()
    assert gone.code == 1
    assert {each["kind"] for each in gone.document["nodes"]["iam-b"]["unfit"]} == {"replaced"}
