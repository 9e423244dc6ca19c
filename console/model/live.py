"""What keepalived on a node is really running with, as it says itself. Times in seconds."""

from __future__ import annotations

from dataclasses import dataclass

from console.model.profile import Node, VrrpInstance


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """A node's clock minus ours, in ms, and how well that is known."""

    offset_ms: float
    uncertainty_ms: float


@dataclass(frozen=True, slots=True)
class LiveCheck:
    """A tracked vrrp_script. With `weight` 0 a failure is a FAULT; any other changes the priority instead."""

    name: str
    interval_s: float
    timeout_s: float
    rise: int
    fall: int
    weight: int = 0


@dataclass(frozen=True, slots=True)
class LiveVrrp:
    """One instance. `notify` are the states for which a script is run. `assumed`: from the profile, because
    the daemon did not tell. `checks` None: it tracks some and did not tell how they run; () means none.
    """

    instance: str
    priority: int
    advert_interval_s: float
    nopreempt: bool
    virtual_router_id: int
    version: int = 2
    checks: tuple[LiveCheck, ...] | None = ()
    notify: tuple[str, ...] = ()
    assumed: bool = False

    def changes(self, after: LiveVrrp) -> tuple[str, ...]:
        """What is another value in `after`, in words."""
        named = (
            ("priority", self.priority, after.priority),
            ("advert_int", f"{self.advert_interval_s:g} s", f"{after.advert_interval_s:g} s"),
            ("nopreempt", self.nopreempt, after.nopreempt),
            ("virtual_router_id", self.virtual_router_id, after.virtual_router_id),
            ("version", self.version, after.version),
            ("checks", _words(self.checks), _words(after.checks)),
            ("notify", sorted(self.notify), sorted(after.notify)),
        )
        return tuple(f"{name} {then} instead of {was}" for name, was, then in named if was != then)

    @classmethod
    def of_profile(cls, vrrp: VrrpInstance, node: Node) -> LiveVrrp:
        """What the profile says it should be."""
        check = vrrp.check
        return cls(
            instance=vrrp.name,
            priority=vrrp.priority_of(node),
            advert_interval_s=vrrp.advert_interval_s,
            nopreempt=vrrp.nopreempt,
            virtual_router_id=vrrp.virtual_router_id,
            version=vrrp.version,
            checks=(LiveCheck("check", check.interval_s, check.timeout_s, check.rise, check.fall),),
            notify=("BACKUP", "MASTER", "FAULT", "STOP"),
            assumed=True,
        )


def _words(checks: tuple[LiveCheck, ...] | None) -> str:
    if checks is None:
        return "not told"
    return ", ".join(map(_check_words, checks)) or "none"


def _check_words(check: LiveCheck) -> str:
    weight = f", weight {check.weight}" if check.weight else ""
    return f"{check.name} every {check.interval_s:g} s, rise {check.rise}, fall {check.fall}{weight}"
