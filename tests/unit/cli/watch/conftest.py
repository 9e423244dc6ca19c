"""What the tests of `iamops watch` share: command lines with a state directory of their own."""

from tests.support.watch_command import shell

__all__ = ["shell"]
