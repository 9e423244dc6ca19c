"""Everything that can go wrong in the lab, in one tree. Each error says what happened and what to do next."""

from __future__ import annotations


class LabError(Exception):
    """Base of all lab errors. `reason` is a sentence, `next_step` a sentence or a command."""

    def __init__(self, reason: str, next_step: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.next_step = next_step


class LabImpossible(LabError):
    """This machine, this user or this profile cannot carry a lab."""


class LabNotUp(LabError):
    """Something was asked of a node that is not running."""


class LabBusy(LabError):
    """Another command is working on the lab."""


class CommandFailed(LabError):
    """A tool did not do what it was asked."""


class ImageFailed(LabError):
    """The base image could not be built."""


class NotProven(LabError):
    """The lab runs, but does not show what it should."""


class UnknownFault(LabError):
    """There is no such fault, or it was asked for with the wrong arguments."""


class UnknownNode(LabError):
    """The profile has no such node."""
