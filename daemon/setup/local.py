"""The files of a folder on this machine, as those of a repository would be read."""

from __future__ import annotations

import os
from pathlib import Path

from cache.profile.entry import MAX_FILE
from cache.profile.infer import SeenFile, read_seen
from cache.profile.infer_paths import wanted
from daemon.setup.sources import MOST_FILES, MOST_PATHS, Source


def read_folder(root: Path, below: str) -> Source:
    """The files below `root` that may be entries, or only those below its folder `below`. Links are not followed.

    Raises OSError where the folder itself cannot be read; one within it leaves the rest, and `complete` False.
    """
    paths: list[str] = []
    others: list[str] = []
    errors: list[OSError] = []
    start = root / below
    os.scandir(start).close()
    complete = True
    for place, folders, names in os.walk(start, onerror=errors.append):
        here = Path(place).relative_to(root)
        hidden = [name for name in sorted(folders) if name.startswith(".") and _is_text(name)]
        others += [f"{(here / name).as_posix()}/" for name in hidden]
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = (here / name).as_posix()
            if _is_text(path):
                (paths if wanted(path, below) else others).append(path)
        if len(paths) > MOST_FILES or len(others) > MOST_PATHS:
            complete = False
            break
    return Source(
        name=root.resolve().name,
        label=f"the folder {root.resolve().name}",
        repository=None,
        files=tuple(_read(root, path) for path in paths[:MOST_FILES]),
        complete=complete and not errors,
        others=(*others, *paths[MOST_FILES:]),
    )


def _read(root: Path, path: str) -> SeenFile:
    whole = root / path
    try:
        if whole.is_symlink() or not whole.is_file():
            return SeenFile(path, problem="symlink")
        with whole.open("rb") as file:
            return read_seen(path, file.read(MAX_FILE + 1))
    except OSError:
        return SeenFile(path, problem="unreadable-object")


def _is_text(path: str) -> bool:
    """Whether a name is UTF-8: others could not be told to anybody."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
