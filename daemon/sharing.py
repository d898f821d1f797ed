"""`cache.db`, readable with any SQLite tool by those whom the configured group lets in."""

from __future__ import annotations

import shutil
import stat

from cache.store.database import Database
from daemon.api.reads import SEATS
from daemon.config import Config, ConfigError, Mistake


def cache_database(config: Config) -> Database:
    """`cache.db`, not open yet, that leaves behind what a reader needs.

    The group is let through `data_dir`, whose other files stay the daemon's own. Raises ConfigError where there is no
    such group, or the daemon's user is no member of it.
    """
    return Database(config.data_dir / "cache.db", keep_wal=True, readers=SEATS, group=_let_through(config))


def _let_through(config: Config) -> int | None:
    """The id of the group that may read, with the right to pass through `data_dir`."""
    if config.group is None:
        return None
    try:
        shutil.chown(config.data_dir, group=config.group)
        folder = config.data_dir.stat()
        config.data_dir.chmod(stat.S_IMODE(folder.st_mode) | stat.S_IXGRP)
    except LookupError:
        what = f"there is no group {config.group}"
        raise _mistake(config, what, "make it, or name another") from None
    except PermissionError:
        remedy = f"make it a member (usermod -aG {config.group} USER), or leave group out"
        raise _mistake(config, f"this user may not give files to the group {config.group}", remedy) from None
    return folder.st_gid


def _mistake(config: Config, what: str, remedy: str) -> ConfigError:
    return ConfigError([Mistake(str(config.path), None, "group", what, remedy)])
