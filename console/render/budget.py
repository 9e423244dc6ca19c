"""What all of somebody's templates may cost together. Pure."""

from __future__ import annotations

# Characters, entries and turns of loops, all in all. A node's built-in templates need some hundred thousand.
BUDGET = 3_000_000


class TooMuch(Exception):
    """A template makes more, or takes longer, than any configuration file needs."""


class Budget:
    """It is spent, never refilled."""

    def __init__(self, units: int = BUDGET) -> None:
        self.left = units

    def spend(self, units: int) -> None:
        """Raises TooMuch."""
        self.left -= units
        if self.left < 0:
            raise TooMuch("it makes more, or goes round more often, than a configuration file needs")
