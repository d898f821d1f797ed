"""What the checks share: what they are given, and what earlier checks found out for later ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cache.model import Repository
from cache.profile.collection import Block
from daemon.config import Config
from daemon.config.secret_files import Secrets
from gitea_client.rest import Rest
from gitea_client.secret import Secret
from gitea_client.transport import Transport

WAIT = 10.0
"""Measured were 0.8 s on Gitea 1.23 and 2.4 s on Forgejo 15."""


class Once(Transport):
    """A transport that asks once: whoever waits at a terminal wants the first failure, not the third."""

    ATTEMPTS = 1


@dataclass(frozen=True)
class Running:
    """The daemon that owns data_dir: who it is, and how it may be reached."""

    pid: int | None
    socket: Path
    sweeps: Mapping[str, Any] | None = None
    """How its sweeps go, as it says; None where it says nothing of them."""


@dataclass
class Patient:
    """One examination. The lower half is empty until a check fills it; `needs` say which."""

    config: Config
    environ: Mapping[str, str]
    clock: Callable[[], datetime]
    secrets: Secrets
    transport: Transport
    """With the daemon's token."""
    anonymous: Transport
    wide: Transport | None = None
    """With the token of --token-file, which may do more."""
    deliver: bool = True
    """Whether a test delivery through the forge may be made."""
    wait: float = WAIT
    """Seconds for that delivery to arrive."""

    running: Running | None = None
    blocks: tuple[Block, ...] = ()
    repositories: dict[str, tuple[Repository, ...]] = field(default_factory=dict)
    """Each owner's, as the token sees them."""

    @property
    def rest(self) -> Rest:
        """The API with the daemon's token."""
        return Rest(self.transport)

    @property
    def writing(self) -> Transport:
        """The transport that may do most."""
        return self.wide or self.transport

    def seen(self) -> list[Repository]:
        """Every repository seen, in the order of owners."""
        return [repository for owned in self.repositories.values() for repository in owned]

    def reached(self) -> list[Repository]:
        """Those that a profile selects for files."""
        selectors = [collection.repository for block in self.blocks for collection in block.collections]
        return [one for one in self.seen() if any(selector.selects(one) for selector in selectors)]


def transports(
    config: Config, token: Secret | None, wide: Secret | None, *, timeout: float
) -> tuple[Transport, Transport, Transport | None]:
    """The three ways to the forge: with the daemon's token, with none, and with a wider one where there is one."""

    def made(secret: Secret | None) -> Transport:
        ca_file = str(config.forge.ca_file) if config.forge.ca_file else None
        return Once(config.forge.url, secret, timeout=timeout, ca_file=ca_file)

    return made(token), made(None), made(wide) if wide is not None else None


def names(repositories: Iterable[Repository]) -> str:
    """The first few, for a line of text."""
    listed = [repository.full_name for repository in repositories]
    more = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
    return ", ".join(listed[:3]) + more
