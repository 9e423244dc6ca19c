"""What `iamops trust` is tried on: real SSH servers on 127.0.0.1, and who logs in to them."""

from tests.support.ssh_node import operator, start_node

__all__ = ["operator", "start_node"]
