"""What the tests of nodes share: SSH servers on 127.0.0.1 and who logs in to them, sleep, a log."""

from tests.support.access_lines import log
from tests.support.sleeping import machine
from tests.support.ssh_node import operator, start_node, transport

__all__ = ["log", "machine", "operator", "start_node", "transport"]
