"""What the tests of faults share: a lab that runs nothing."""

from tests.support.fake_lab import lab

__all__ = ["lab"]
