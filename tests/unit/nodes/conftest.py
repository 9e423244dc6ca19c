"""What the tests of nodes share: real SSH servers on 127.0.0.1, and who logs in to them."""

from tests.support.ssh_node import operator, start_node, transport

__all__ = ["operator", "start_node", "transport"]
