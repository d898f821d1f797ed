"""The files that a configuration names: who may read and write them, and whether the daemon's user can."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cache.store.sqlite_file import CACHE_ID, HEADER_BYTES, MAGIC, STATE_ID
from daemon.config import Config
from daemon.doctor.result import Result, fail, ok, warn

OTHERS_READ: Final = stat.S_IROTH
OTHERS_WRITE: Final = stat.S_IWOTH


def files(config: Config) -> list[Result]:
    """Look at the configuration and the files with secrets. Reads no secret."""
    forge = config.forge
    secrets = {
        "token file": forge.token_file,
        "webhook secret": forge.webhook_secret_file or _made_itself(config),
        "previous secret": forge.webhook_secret_previous_file,
    }
    found = [result for name, path in secrets.items() if path is not None for result in secret_file(name, path)]
    return [*configuration_file(config.path), *group(config.group), *found]


def _made_itself(config: Config) -> Path | None:
    made = config.data_dir / "webhook-secret"
    return made if os.path.exists(made) else None  # noqa: PTH110 - False where the folder may not be entered


def secret_file(check: str, path: Path) -> Iterator[Result]:
    """One file with a secret."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        yield fail(check, f"{path} cannot be looked at ({error.strerror})", f"let {_me()} read it")
        return
    if not os.access(path, os.R_OK, effective_ids=True):
        yield fail(check, f"{path} cannot be read by {_me()}", f"chown {_me()} {path}")
    elif mode & OTHERS_READ:
        yield warn(check, f"{path} may be read by every user of this machine", f"chmod 600 {path}")
    elif mode & (OTHERS_WRITE | stat.S_IWGRP):
        yield warn(check, f"{path} may be written by others", f"chmod 600 {path}")
    else:
        yield ok(check, f"{path} is readable by {_me()} and not by everybody")


def configuration_file(path: Path) -> Iterator[Result]:
    """Who may write the configuration decides where the token goes."""
    if path.stat().st_mode & OTHERS_WRITE:
        yield warn("configuration", f"{path} may be written by every user of this machine", f"chmod o-w {path}")


def group(name: str | None) -> Iterator[Result]:
    """The group that is to read cache.db: there, and one that the daemon's user may give files to."""
    if name is None:
        return
    try:
        number = grp.getgrnam(name).gr_gid
    except KeyError:
        yield fail("configuration", f"group: there is no group {name}", "make it (groupadd), or name another")
        return
    if os.geteuid() != 0 and number not in {os.getegid(), *os.getgroups()}:
        remedy = f"make it a member (usermod -aG {name} {_me()}), or leave group out"
        yield fail("configuration", f"group: {_me()} is no member of {name}", remedy)


def data_dir(folder: Path) -> Iterator[Result]:
    """The data directory: ours to write, and nobody's to read who should not."""
    check = "data_dir"
    if (barred := _barred(folder)) is not None:
        yield fail(check, f"{barred} may not be entered by {_me()}", f"chmod u+x {barred}, or let {_me()} enter it")
        return
    if not folder.exists():
        parent = _existing(folder)
        if os.access(parent, os.W_OK | os.X_OK, effective_ids=True):
            yield ok(check, f"{folder} is not there yet; it is made at the first start")
        else:
            yield fail(check, f"{folder} is not there, and {_me()} may not make it in {parent}", _give(folder, parent))
        return
    if not os.access(folder, os.W_OK | os.R_OK | os.X_OK, effective_ids=True):
        yield fail(check, f"{folder} is read-only for {_me()}", _give(folder, folder))
        return
    wrong = [*_foreign(folder), *_not_ours(folder)]
    yield from wrong
    if folder.stat().st_mode & OTHERS_WRITE:
        yield warn(check, f"{folder} may be written by every user of this machine", f"chmod o-w {folder}")
    elif not wrong:
        yield ok(check, f"{folder} is writable by {_me()}")


def _give(folder: Path, held: Path) -> str:
    if os.statvfs(held).f_flag & os.ST_RDONLY:
        return f"{held} is mounted read-only; mount it for writing, or set data_dir elsewhere"
    return f"install -d -m 750 -o {_me()} {folder} (as root), or set data_dir elsewhere"


def _foreign(folder: Path) -> Iterator[Result]:
    for name, identity in (("cache.db", CACHE_ID), ("state.db", STATE_ID)):
        path = folder / name
        try:
            with path.open("rb") as file:
                header = file.read(HEADER_BYTES)
        except OSError:
            continue  # not there, or told by `_not_ours`
        remedy = f"move {path} away, or choose another data_dir"
        if header and (len(header) < HEADER_BYTES or not header.startswith(MAGIC)):
            yield fail(name, f"{path} is no SQLite file", remedy)
        elif header and int.from_bytes(header[68:72]) != identity:
            yield fail(name, f"{path} is another program's SQLite file", remedy)


def _not_ours(folder: Path) -> Iterator[Result]:
    wanted = ("cache.db", "cache.db-wal", "cache.db-shm", "state.db", "state.db-wal", "lock", "objects")
    held = [folder / name for name in wanted if (folder / name).exists()]
    locked = [path for path in held if not os.access(path, os.R_OK | os.W_OK, effective_ids=True)]
    if locked:
        owner = _name(locked[0].stat().st_uid)
        what = f"{locked[0]} belongs to {owner} and is not writable by {_me()}"
        yield fail("data_dir", what, f"chown -R {_me()} {folder} (as root); a command was run as {owner} once")


def _barred(folder: Path) -> Path | None:
    """The first folder on the way to another that may not be entered."""
    for place in (*reversed(folder.parents), folder):
        if not os.path.lexists(place):  # so too where its parent may not be entered, which came before
            return None
        if place.is_dir() and not os.access(place, os.X_OK, effective_ids=True):
            return place
    return None


def _existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if parent.exists())


def _me() -> str:
    return _name(os.geteuid())


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
