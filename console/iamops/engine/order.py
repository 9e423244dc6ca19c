"""What the engine is asked to do: an action, who asks, why, and what they insist on."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from iamops.plan.action import Action
from iamops.plan.denial import Denial


def new_run() -> str:
    return secrets.token_hex(4)


@dataclass(frozen=True, slots=True)
class Order:
    """One request. `shown` is the fingerprint of the plan the operator agreed to, if one was shown; `insisted` the
    denials that were shown with it and overridden. None: those that stand when the run begins.

    `command` is the command line that asks for the same; `armed` whether the front was armed for it; `agreed`
    whether somebody agreed to a plan, or need not: else it is only to be refused, for what stood in its way.
    """

    action: Action
    who: str
    origin: str
    command: str
    reason: str = ""
    overrides: tuple[str, ...] = ()
    armed: bool = True
    agreed: bool = True
    shown: str | None = None
    insisted: tuple[Denial, ...] | None = None
    run: str = field(default_factory=new_run)
