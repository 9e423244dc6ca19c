"""Sockets made inside another network namespace, so that with the lab down nothing can leak out."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CLONE_NEWNET = 0x40000000
NAMESPACES = Path("/run/netns")


class NamespaceMissing(OSError):
    """There is no network namespace of that name: the lab is not up."""

    def __init__(self, name: str) -> None:
        super().__init__(errno.ENOENT, f"the lab is not up (no network namespace {name})")


class NamespaceForbidden(OSError):
    """Entering a network namespace needs CAP_SYS_ADMIN."""

    def __init__(self, name: str) -> None:
        super().__init__(errno.EPERM, f"only root may enter the lab's network namespace {name}")


def open_socket(namespace: str | None, family: int, kind: int = socket.SOCK_STREAM) -> socket.socket:
    """A new socket that lives in `namespace` (None: in our own). Raises NamespaceMissing, -Forbidden.

    A socket keeps the namespace of the thread that made it, and a thread can change its own without
    touching the others: so a thread goes there, makes the socket, and ends.
    """
    if namespace is None:
        return socket.socket(family, kind)

    def make() -> socket.socket:
        enter_namespace(namespace)
        return socket.socket(family, kind)

    with ThreadPoolExecutor(1, f"socket in {namespace}") as thread:
        return thread.submit(make).result()


def connect(address: str, port: int, timeout_s: float, *, namespace: str | None = None) -> socket.socket:
    """A connected, blocking TCP socket to an IP address. Raises OSError; never asks a name server."""
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    family, kind, _, _, target = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=flags)[0]
    connection = open_socket(namespace, family, kind)
    try:
        connection.settimeout(timeout_s)
        connection.connect(target)
    except OSError:
        connection.close()
        raise
    return connection


def enter_namespace(namespace: str | None) -> None:
    """Moves the calling thread there for the rest of its life (None: it stays). Raises as `open_socket`."""
    if namespace is None:
        return
    try:
        handle = os.open(NAMESPACES / namespace, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NamespaceMissing(namespace) from None
    try:
        if hasattr(os, "setns"):  # Python 3.12
            os.setns(handle, CLONE_NEWNET)
        elif ctypes.CDLL(None, use_errno=True).setns(handle, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    except PermissionError:
        raise NamespaceForbidden(namespace) from None
    except OSError as error:
        # EINVAL: the file is left over from a namespace that has gone, for example by a reboot.
        raise NamespaceMissing(namespace) from error
    finally:
        os.close(handle)
