"""The machine: Python, SQLite, and the packages around ours."""

from __future__ import annotations

import contextlib
import platform
import sqlite3
import sys
from typing import Final

from daemon.doctor import packages
from daemon.doctor.result import Result, fail, ok, warn

Version = tuple[int, ...]

NEEDED_PYTHON: Final = (3, 11)
NEEDED_SQLITE: Final = (3, 35)
"""RETURNING, which the inbox writes with (sqlite.org/lang_returning.html)."""

WAL_RESET_MENDED: Final[dict[Version, int]] = {(3, 44): 6, (3, 50): 7, (3, 51): 3}
"""The releases of each line without the WAL-reset bug; every later line has none of it (sqlite.org/wal.html)."""


def python() -> Result:
    """The interpreter. It runs this, so it is new enough for the syntax; the libraries ask for 3.11."""
    version = platform.python_version()
    if sys.version_info < NEEDED_PYTHON:
        return fail("python", f"Python {version} is too old", "install Forgeglass with Python 3.11 or newer")
    return ok("python", f"Python {version} ({sys.executable})")


def sqlite(version: Version = sqlite3.sqlite_version_info) -> Result:
    """The SQLite library that Python brings, and what it was built with."""
    shown = ".".join(map(str, version))
    if version < NEEDED_SQLITE:
        return fail("sqlite", f"SQLite {shown} is too old", "use a Python with SQLite 3.35 or newer")
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute("CREATE VIRTUAL TABLE words USING fts5(text)")
        except sqlite3.OperationalError:
            return fail("sqlite", f"SQLite {shown} is built without FTS5", "use a Python whose SQLite has FTS5")
    if has_wal_reset_bug(version):
        # One connection writes and it alone checkpoints, which is what the bug needs two of.
        note = "; its WAL-reset bug cannot happen here, where one connection writes, but may to other writers"
        return ok("sqlite", f"SQLite {shown}{note}")
    return ok("sqlite", f"SQLite {shown}")


def has_wal_reset_bug(version: Version) -> bool:
    """Whether two connections of this SQLite that checkpoint at once may damage a file. Pure."""
    if version >= (3, 51, 3):
        return False
    mended = WAL_RESET_MENDED.get(version[:2])
    return mended is None or version[2] < mended


def our_packages() -> list[Result]:
    """Whether `cache`, `daemon`, `webhooks` and `gitea_client` are ours, and ours alone."""
    wrong = packages.foreign()
    if wrong is not None:
        return [fail("packages", wrong, packages.REMEDY)]
    doubtful = [*packages.shadowed(), *packages.claimed()]
    if doubtful:
        return [warn("packages", each, packages.REMEDY) for each in doubtful]
    return [ok("packages", "cache, daemon, webhooks and gitea_client are ours")]
