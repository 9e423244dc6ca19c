"""keepalived's own check, asked by us: what it says now it says whenever keepalived runs it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from console.plan.reading import Reading, Verdict


@dataclass(frozen=True, slots=True)
class CheckPasses:
    """The check that keepalived runs on the node says yes. `argv` is the known script, which changes nothing."""

    node: str
    argv: tuple[str, ...]

    @property
    def sentence(self) -> str:
        return f"keepalived's check passes on {self.node}"

    def judge_output(self, exit_status: int | None, text: str, elapsed_s: float) -> Reading:
        if exit_status == 0:
            return Reading(Verdict.HOLDS, f"keepalived's check passes on {self.node}")
        said = "was ended by a signal" if exit_status is None else f"says no (exit {exit_status})"
        return Reading(Verdict.NOT_YET, f"keepalived's check on {self.node} {said}")
