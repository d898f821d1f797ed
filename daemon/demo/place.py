"""The demo's directory: what stands in it, and that nobody else's is ever emptied."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from daemon.demo.entries import BOT, META, ORGANIZATION
from daemon.lock import LOCK_NAME, DataLock

MARK = "made-by-forgeglass-demo"


class PlaceError(Exception):
    """The directory cannot be used; says which one, why, and what to do."""


@dataclass(frozen=True)
class Place:
    """Where things stand. Paths are whole."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "forgeglass.toml"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def forge(self) -> Path:
        return self.root / "forge"

    @property
    def log(self) -> Path:
        return self.root / "forgeglass.log"

    @property
    def token(self) -> Path:
        return self.root / "token"

    @property
    def secret(self) -> Path:
        return self.root / "webhook-secret"

    @property
    def password(self) -> Path:
        """The token of the forge's administrator, for pushing and for the forge's API."""
        return self.root / "root1-token"


@contextmanager
def prepared(root: Path) -> Iterator[Place]:
    """An empty directory that is ours alone until the end; it stays there afterwards, to be looked at.

    Raises PlaceError where the directory holds what no demo made, and LockedError where another demo runs in it.
    """
    root = root.absolute()
    if root.exists() and (not root.is_dir() or (any(root.iterdir()) and not (root / MARK).is_file())):
        raise PlaceError(f"{root} was not made by a demo, and would be emptied; name another with --dir")
    root.mkdir(mode=0o750, parents=True, exist_ok=True)
    (root / MARK).touch()
    with DataLock(root):
        for path in root.iterdir():
            if path.name in (MARK, LOCK_NAME):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        yield Place(root)


def write_files(place: Place, *, forge_url: str, token: str, password: str, port: int) -> None:
    """Write the configuration, and the secrets that it names, for a daemon on `port` (0: any)."""
    for path, value in ((place.token, token), (place.password, password), (place.secret, secrets.token_hex(32))):
        path.touch(mode=0o600)
        path.write_text(value + "\n")
    place.config.write_text(
        f"""\
data_dir = "{place.data.name}"
listen = "127.0.0.1:{port}"

[forge]
url = "{forge_url}"
token_file = "{place.token.name}"
webhook_secret_file = "{place.secret.name}"
owners = ["{ORGANIZATION}"]

[sweep]
interval = "10s"
deep_interval = "5m"

[[profiles]]
use = "rfc"
meta = "{META}"
bot = "{BOT}"
"""
    )
