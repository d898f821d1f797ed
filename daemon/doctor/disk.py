"""The disk under data_dir: free space, and whether SQLite may live there."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol

from daemon.doctor.result import Result, fail, ok, warn

MB: Final = 1_000_000
LEAST: Final = 100 * MB
"""Less is a failure: SQLite's log and a fetch under way need room."""
LITTLE: Final = 1_000 * MB

NETWORK: Final = frozenset({
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs", "fuse.glusterfs",
    "fuse.rclone", "fuse.s3fs",
})  # fmt: skip
"""SQLite's write-ahead log is shared memory, which no network file system keeps (sqlite.org/wal.html)."""

_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


class Space(Protocol):
    """What os.statvfs tells, as far as it is asked for."""

    @property
    def f_frsize(self) -> int:
        """Bytes of a block."""

    @property
    def f_bavail(self) -> int:
        """Blocks that may be taken."""

    @property
    def f_files(self) -> int:
        """Inodes; 0 where the file system does not count them."""

    @property
    def f_favail(self) -> int:
        """Inodes that may be taken."""


def disk(folder: Path, statvfs: Callable[[Path], Space] = os.statvfs) -> Result:
    """How much is free where data_dir is, or will be."""
    there = next(parent for parent in (folder, *folder.parents) if os.path.exists(parent))  # noqa: PTH110 - False where it may not be looked at
    space = statvfs(there)
    free = space.f_frsize * space.f_bavail
    what = f"{_amount(free)} free for {folder}"
    if space.f_files and not space.f_favail:
        return fail("disk", f"no inode is free for {folder}", "remove files there, or set data_dir to another disk")
    if free < LEAST:
        return fail("disk", f"only {what}", f"free {_amount(LITTLE)} or more, or set data_dir to another disk")
    if free < LITTLE:
        return warn("disk", f"only {what}", "free some space; caches are small, the history of repositories is not")
    return ok("disk", what)


def file_system(folder: Path, mounts: str) -> Iterator[Result]:
    """Whether SQLite may live in `folder`; `mounts` is /proc/self/mountinfo, or empty where there is none."""
    kind = kind_of(folder, mounts)
    if kind in NETWORK:
        remedy = "set data_dir to a local disk; everything but state.db comes back by itself"
        yield fail("file system", f"{folder} is on a network file system ({kind}), which SQLite does not bear", remedy)


def kind_of(folder: Path, mounts: str) -> str:
    """The type of the file system that holds `folder` (proc(5), mountinfo); empty where it is not known."""
    found, longest = "", -1
    for line in mounts.split("\n"):  # a mount point may hold what `splitlines` takes for the end of one
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        point = _ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[4])
        if len(point) > longest and folder.is_relative_to(point):
            found, longest = after.split(" ", 1)[0], len(point)
    return found


def _amount(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count // MB} MB"
