"""What the API needs of the daemon around it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from cache.profile.collection import Block
from cache.viewer import Viewer
from daemon.api.access import Access
from daemon.api.comparing import Comparing
from daemon.api.reads import Readable


class Waited(Protocol):
    """Whether a commit is in the rows; `head` is the default branch's, `known` whether the repository is."""

    @property
    def seen(self) -> bool:
        """Whether the rows hold the commit."""

    @property
    def head(self) -> str | None:
        """The head of the default branch that was seen last."""

    @property
    def known(self) -> bool:
        """Whether a profile reaches the repository."""

    @property
    def error(self) -> str | None:
        """What the last look failed with."""


class FeedNews(Protocol):
    """Tells of new feed entries."""

    async def wait(self, after: int, timeout: float) -> bool:  # noqa: ASYNC109 - running out of time is an answer
        """Whether there is a sequence over `after`; waits for one for at most `timeout` seconds."""
        ...


@dataclass(frozen=True)
class ApiContext:
    """Everything that an answer is made of. The clock and the feed's place are functions: they move.

    `sequence` is the last one applied, `epoch` the one that positions belong to, `fingerprint` changes with the
    profiles. `wait_for(full_name, commit, seconds, ids)` looks at the forge until the commit is in the rows;
    repositories other than `ids` (None: all) are unknown to it. `access` knows who may see what.
    `damaged(epoch)`, where given, is told when a read that began in this epoch found the file broken.
    """

    database: Readable
    blocks: Callable[[], Sequence[Block]]
    fingerprint: Callable[[], str]
    clock: Callable[[], datetime]
    sweep_interval: timedelta
    epoch: Callable[[], str]
    sequence: Callable[[], int]
    wait_for: Callable[[str, str, float, Collection[int] | None], Awaitable[Waited]]
    news: FeedNews
    status: Callable[[Viewer], Awaitable[Mapping[str, Any]]]
    access: Access
    forge_url: str
    version: str
    public_url: str | None = None
    """How others reach this server, a sub-path included (`public_url` of the configuration); for addresses,
    which `address` and, where an absolute one is a must, `public.base_address` make."""
    cors_origins: frozenset[str] = frozenset()
    """Origins whose pages may read this API in a browser (`api.cors_origins`); `*` stands for all."""
    damaged: Callable[[str], None] | None = None
    heartbeat: float = 15.0
    """Seconds between two signs of life on a quiet stream of events."""
    streams: int = 100
    """Streams of events that are served at once, and as many long polls and waits for a commit."""

    page_bytes: int = 4 << 20
    """Bytes of bodies on a page (`include=body`)."""
    comparing: Comparing = field(default_factory=lambda: Comparing(20_000))
    """Compares texts, up to so many lines of each."""

    def address(self, path: str) -> str:
        """How a reader reaches one of our own paths (`/api/v1/…`); the path itself where no `public_url` is given.

        Behind a proxy with a sub-path, a bare path leads beside us.
        """
        return f"{self.public_url or ''}{path}"
