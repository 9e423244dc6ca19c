"""What the tests of `iamops triage` share: the command on a look made by hand."""

from tests.support.triage_command import run

__all__ = ["run"]
