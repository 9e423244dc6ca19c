"""What the tests of a session share: a profile as a file that may be edited."""

from tests.support.profile_file import profile_file

__all__ = ["profile_file"]
