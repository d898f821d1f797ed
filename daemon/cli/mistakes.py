"""What keeps a command or the daemon from starting, in one line with its remedy: from the exception to the words."""

from __future__ import annotations

import errno

from cache.profile.problems import ProfileError
from cache.store.sqlite_file import ForeignFileError
from daemon.config import ConfigError
from daemon.config.errors import BadValueError
from daemon.config.kinds import Address
from daemon.control import CommandError
from daemon.data_dir.inspecting import StateLostError
from daemon.data_dir.pairing import OtherForgeError
from daemon.failing.storage_errors import of_number, of_sqlite
from daemon.lock import LockedError
from gitea_client.errors import SettingError

_SPOKEN = (
    ConfigError, BadValueError, ProfileError, LockedError, ForeignFileError, CommandError, SettingError,
    StateLostError, OtherForgeError,
)  # fmt: skip
"""These say by themselves what is wrong and what to do; so does MigrationError."""


def in_words(error: BaseException) -> str | None:
    """One line (one for each mistake of a configuration), or None where it is a fault of ours."""
    if isinstance(error, _SPOKEN):
        return str(error)
    if (found := of_sqlite(error)) is not None:
        return f"the database in data_dir: {found[0]}; {found[1]}"
    if isinstance(error, OSError):
        return _of_system(error)
    from cache.store.migrating import MigrationError  # with the database, which few commands open

    return str(error) if isinstance(error, MigrationError) else None


def cannot_listen(listen: Address, error: OSError) -> str:
    """Why the daemon cannot listen. asyncio puts its own words in place of the system's."""
    if error.errno == errno.EADDRINUSE:
        return f"listen {listen}: the port is in use by another program; stop it, or set listen to another port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"listen {listen}: this machine has no such address; set listen to one that it has, or to 0.0.0.0"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"listen {listen}: this user may not listen there; set listen to a port from 1024 up"
    return f"listen {listen}: not possible ({type(error).__name__}); set listen to an address of this machine"


def _of_system(error: OSError) -> str:
    what, remedy = of_number(error) or (error.strerror or str(error), "")
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{what}{f'; {remedy}' if remedy else ''}"
