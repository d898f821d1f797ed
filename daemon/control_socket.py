"""The Unix socket through which commands reach a live daemon: who may connect, and where it lies."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

SOCKET_NAME: Final = "control.sock"
_LONGEST_PATH: Final = 107
"""Bytes that fit into sockaddr_un.sun_path on Linux, less the NUL (unix(7))."""


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    """Give an address of the socket at `path` that is short enough for the kernel.

    A longer one goes through a descriptor of its directory, /proc/self/fd/N/control.sock. Raises OSError where there
    is no /proc and the path is too long.
    """
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def listen(path: Path) -> socket.socket:
    """Return a socket listening at `path` that only this user may connect to.

    A socket that a dead daemon left is removed: the caller holds the lock on the directory, so nobody uses it. Raises
    OSError, also where something else than a socket stands there.
    """
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(f"{path} is not a socket; move it away")
        path.unlink()
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(path) as address:
            server.bind(address)
        path.chmod(0o600)  # before listen(): until then nobody can connect
        server.listen(16)
        server.setblocking(False)
    except BaseException:
        server.close()
        raise
    return server


def connect(path: Path) -> socket.socket:
    """Return a socket connected to the daemon at `path`. Raises OSError where none listens."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(path) as address:
            client.connect(address)
        client.setblocking(False)
    except BaseException:
        client.close()
        raise
    return client


def may_command(peer: socket.socket) -> bool:
    """Tell whether the process at the other end is this user's or root's.

    Where the system cannot say (no SO_PEERCRED), the socket's mode 0600 has to do.
    """
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    _, uid, _ = struct.unpack("iII", peer.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("iII")))
    return uid in (0, os.geteuid())
