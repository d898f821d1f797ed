"""Writing the configuration's file."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

from daemon.setup.errors import SetupError

_NO_LINKS = frozenset({errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK})
"""What link(2) says on a file system without links, as FAT and some shared folders are."""


def save(path: Path, text: str, *, force: bool) -> None:
    """Write a file whole or not at all, and leave nothing beside it. Raises SetupError where it cannot be written, and
    where it is there already and `force` is not given.
    """
    draft = path.with_name(f".forgeglass-{secrets.token_hex(4)}.new")
    try:
        try:
            with draft.open("x", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())  # a full disk may be told as late as here
            if force:
                draft.replace(path)
            else:
                _put(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        raise SetupError(f"{path} is there already; name another file, or overwrite it with --force") from None
    except OSError as error:
        raise SetupError(f"{path} cannot be written ({error.strerror}); name another place") from None


def _put(draft: Path, path: Path) -> None:
    """Give the draft its name, unless somebody has it: FileExistsError."""
    try:
        path.hardlink_to(draft)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        path.open("x").close()
        try:
            draft.replace(path)
        except OSError:
            path.unlink()
            raise
