"""The webhook secret that makes itself, so that nobody has to: where none is given, one of our own in `data_dir`."""

from __future__ import annotations

import hmac
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from daemon.config import Config
from daemon.config.secret_files import OWN_PREVIOUS, OWN_SECRET, Secrets, read_secret
from gitea_client.secret import Secret

BYTES = 32

Random = Callable[[int], bytes]
"""So many random bytes: os.urandom."""


def with_webhook_secret(config: Config, secrets: Secrets, random: Random) -> Secrets:
    """The same secrets, with a webhook secret: one is made in `data_dir` where none was given and none was made.

    Raises OSError where `data_dir` cannot be made or written, BadValueError where what stands there is no secret.
    """
    if secrets.webhook_secret is not None:
        return secrets
    config.data_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
    return msgspec.structs.replace(secrets, webhook_secret=_made(config.data_dir / OWN_SECRET, random))


def is_own(config: Config, secrets: Secrets) -> bool:
    """Whether the webhook secret in use is the one that was made by itself, and so may be renewed by itself."""
    path = config.data_dir / OWN_SECRET
    if secrets.webhook_secret is None or not path.exists():
        return False
    return hmac.compare_digest(read_secret(path).reveal().encode(), secrets.webhook_secret.reveal().encode())


def renewed(config: Config, secrets: Secrets, random: Random) -> Secrets:
    """Put another secret in place of our own; the old one is kept beside it, and is accepted still.

    The old one is in its place before the new one is: whenever this is cut off, every webhook's secret is known.
    """
    if secrets.webhook_secret is None:
        raise ValueError("there is no secret to renew")
    path, previous = config.data_dir / OWN_SECRET, config.data_dir / OWN_PREVIOUS
    _replace(previous, secrets.webhook_secret.reveal())
    fresh = random(BYTES).hex()
    _replace(path, fresh)
    return msgspec.structs.replace(
        secrets, webhook_secret=Secret(fresh), webhook_secret_previous=secrets.webhook_secret
    )


def _made(path: Path, random: Random) -> Secret:
    """A new secret at `path`, whole or not at all, its owner's alone; the one that is there where another was first."""
    draft = _draft(path, random(BYTES).hex())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return read_secret(path)


def _replace(path: Path, text: str) -> None:
    draft = _draft(path, text)
    try:
        draft.replace(path)
    except OSError:
        draft.unlink()
        raise


def _draft(path: Path, text: str) -> Path:
    """A file of a name of its own beside `path`, its owner's alone, on the disk when this returns."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(descriptor)
    except OSError:
        draft.unlink()
        raise
    return draft
