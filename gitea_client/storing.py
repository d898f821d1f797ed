"""How an object store is laid out on disk: made by git itself, from values of ours, and known again by them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

from gitea_client.allowed import ObjectFormat
from gitea_client.errors import NoRoom

_OTHERS: Final = 0o077

# What `git init --bare` writes, on Linux and macOS. A name or a value more, and it is no configuration of ours.
_LINE: Final = r"\t(?:filemode|bare|ignorecase|precomposeunicode|symlinks) = (?:true|false)\n"
_CORE: Final = rf"(?:{_LINE})*\trepositoryformatversion = {{}}\n(?:{_LINE})*"
_WRITTEN: Final[dict[ObjectFormat, re.Pattern[str]]] = {
    "sha1": re.compile(rf"\[core\]\n{_CORE.format(0)}"),
    "sha256": re.compile(rf"\[core\]\n{_CORE.format(1)}\[extensions\]\n\tobject[fF]ormat = sha256\n"),
}
_LONGEST: Final = 1000


def check_room(place: Path, disk_free: int) -> int:
    """The bytes that may be written at `place` so that `disk_free` stay free. Raises NoRoom where there are none."""
    room = shutil.disk_usage(place).free - disk_free
    if room < 0:
        raise NoRoom(place.name, disk_free)
    return room


def making(object_format: ObjectFormat) -> list[str]:
    """The arguments with which git makes a bare store without templates."""
    return ["init", "-q", "--bare", "--template=", "--initial-branch=main", f"--object-format={object_format}"]


def is_ours(place: Path, object_format: ObjectFormat) -> bool:
    """Whether there is a store at `place` with the configuration that `making` leads to, and nothing else in it."""
    try:
        with (place / "config").open(encoding="ascii", newline="") as file:
            text = file.read(_LONGEST + 1)
    except (OSError, UnicodeDecodeError):
        return False
    return (place / "HEAD").is_file() and _WRITTEN[object_format].fullmatch(text) is not None


def close_to_others(place: Path) -> None:
    """Take the rights of other users from a store that an earlier version made; one look where that is done."""
    config = place / "config"
    if not config.stat().st_mode & _OTHERS:
        return
    for path in (place, *place.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~_OTHERS)
    config.chmod(0o600)
