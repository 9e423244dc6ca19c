"""Started means that it stays up: the same process, not one of many that die one after the other. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from console.model.words import being
from console.plan.reading import Reading, Verdict

# With the look again at its health behind it, what answers is asked to stay up for a second.
ANSWERING_S = 0.9
LEAST_S = 1.0
MOST_S = 10.0

# $1 the unit, $2 seconds: the unit, and the unit again after that time. What is not up need not be waited for.
_TWICE = (
    'show() { systemctl show --property=ActiveState,SubState,MainPID,NRestarts -- "$1" || exit 1; }; '
    'first=$(show "$1") || exit 1; printf "%s\\n\\n" "$first"; '
    'case "$first" in *ActiveState=active*|*ActiveState=reloading*) sleep "$2" ;; esac; show "$1"'
)


@dataclass(frozen=True, slots=True)
class StaysUp:
    """The unit runs, and still does after `lasts_s`, under the same main process and with as many restarts."""

    node: str
    unit: str
    lasts_s: float

    @property
    def sentence(self) -> str:
        return f"{self.unit} on {self.node} stays up for {self.lasts_s:g} s"

    @property
    def argv(self) -> tuple[str, ...]:
        return ("sh", "-c", _TWICE, "stays", f"{self.unit}.service", f"{self.lasts_s:g}")

    def judge_output(self, exit_status: int | None, text: str, elapsed_s: float) -> Reading:
        shown = text.strip().split("\n\n")
        looks = [dict(line.partition("=")[::2] for line in each.splitlines()) for each in shown]
        if exit_status != 0 or len(looks) != 2 or not all("ActiveState" in look for look in looks):
            return Reading(Verdict.UNKNOWN, f"systemd on {self.node} did not tell about {self.unit}")
        what = f"{self.unit} on {self.node}"
        for look in looks:
            if look["ActiveState"] not in ("active", "reloading"):
                active, sub = look["ActiveState"], look.get("SubState", "")
                return Reading(Verdict.NOT_YET, f"{what} {being(active)}" + (f" ({sub})" if sub != active else ""))
        (first, then), same = (look.get("MainPID") for look in looks), ("MainPID", "NRestarts")
        if any(looks[0].get(key) != looks[1].get(key) for key in same):
            return Reading(Verdict.NOT_YET, f"{what} does not stay up: process {first}, then {then}")
        return Reading(Verdict.HOLDS, f"{what} stays up")


def lasts_s(restart_delay_s: float | None, *, answers: bool) -> float:
    """How long a unit must stay up. What cannot answer is given the time after which systemd starts it anew.

    `restart_delay_s` None: it does not, so a crash is seen at once.
    """
    if answers:
        return ANSWERING_S
    return LEAST_S if restart_delay_s is None else min(MOST_S, max(LEAST_S, restart_delay_s))
