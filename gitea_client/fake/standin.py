"""The stand-in forge: start it, change it as people and servers do, look at what it was asked.

Methods do what the API or the web page of that name does, with every signal it gives; names are full names
(`acme/meta`), logins and branch names. They may be called at any time while it runs.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from .access import Access
from .deliveries import Deliveries
from .editing import Editing
from .faults import Door, Faults
from .listening import Request, make_application
from .pulls import Pulls
from .pushes import Pushes, RefChange
from .replies import Replies
from .repositories import Repositories
from .serialise_commits import CommitSerialiser
from .signals import Signals
from .state import Repository, User, World


class StandIn(Editing):
    """A Gitea (or Forgejo) on 127.0.0.1, over real bare repositories under `root`.

    flavour    "gitea" answers as 1.23 does, "gitea-1.26" as that with the timelines of 1.26, "forgejo" as 15.0
    clock      tells the present; the API cuts it to whole seconds
    page_cap   the most items of a page (api.MAX_RESPONSE_ITEMS)
    port       0 picks a free one
    seed       of the random ids of deliveries and tokens
    """

    def __init__(
        self, root: Path, *, flavour: str = "gitea", clock: Callable[[], datetime] | None = None, page_cap: int = 50,
        port: int = 0, seed: int = 0,
    ) -> None:  # fmt: skip
        self._root = Path(root)
        self._port = port
        self._random = random.Random(seed)
        self._executor = ThreadPoolExecutor(max_workers=8, thread_name_prefix="standin")
        self._later: set[asyncio.Task[None]] = set()
        self._door: Door | None = None
        self._runner: web.AppRunner | None = None
        self.world = World(flavour, clock)
        self.json = CommitSerialiser(self.world)
        self.access = Access(self.world, self.json)
        self.replies = Replies(self.world, lambda: self.json.root_url, page_cap)
        self.deliveries = Deliveries(self.world, self._random)
        self.faults = Faults()
        self.lock = asyncio.Lock()
        self.requests: list[Request] = []
        self.processing_delay = 0.0
        """Seconds between a push and what follows from it: git shows it at once, the API only then."""
        self.merge_rapid_pushes = False
        """Whether pushes of a branch that wait for processing become one, as in a busy server's queue: heads between
        are then told in no event of their own."""
        self._waiting: dict[int, dict[str, RefChange]] = {}
        self.null_pulls: set[int] = set()
        """Ids of pull requests that lists show as null, as the servers do when one cannot be read."""
        self.null_lists = False
        """Whether empty lists of branches and pull requests are null instead of []."""
        self._signals = Signals(self.world, self.json, self.deliveries)
        self._pushes = Pushes(self.world, self.json, self._signals)
        self._pulls = Pulls(self.world, self.json, self._signals, self._pushes)
        self._repositories = Repositories(
            self.world, self.json, self._signals, self._pushes, self._root / "repositories", self._executor
        )
        self.create_user("root1").admin = True
        self.token = self.token_of("root1")

    # Running

    async def start(self) -> None:
        """Listen; raises OSError when the port is taken or `root` has been used before."""
        place = self._root / "repositories"
        place.mkdir(parents=True, exist_ok=True)
        if any(place.iterdir()):
            raise FileExistsError(f"{place} is not empty: a stand-in remembers nothing and must begin afresh")
        self._runner = web.AppRunner(make_application(self), access_log=None, handler_cancellation=False)
        await self._runner.setup()
        if self._runner.server is None:
            raise RuntimeError("aiohttp made no server")
        self._door = Door(self._runner.server, self._port)
        self._door.open()
        self.faults.attach(self._door)
        self.json.root_url = self.url

    async def stop(self) -> None:
        """Stop listening and sending. The repositories stay on disk."""
        self.faults.end()
        for task in self._later:
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)
        await self.deliveries.close()
        if self._door is not None:
            await self._door.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self._executor.shutdown()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        if self._door is None:
            raise RuntimeError("the stand-in is not running: use `async with StandIn(...)`")
        return f"http://127.0.0.1:{self._door.port}"

    @property
    def root_url(self) -> str:
        """The address that links in answers begin with (ROOT_URL): set it to play a proxy that is set up badly."""
        return self.json.root_url

    @root_url.setter
    def root_url(self, value: str) -> None:
        self.json.root_url = value.rstrip("/")

    # What it was asked

    def mark(self) -> int:
        """A place in `requests`, for `requests_since`."""
        return len(self.requests)

    def requests_since(self, mark: int) -> list[Request]:
        return self.requests[mark:]

    # Pushes

    async def pushed(self, repository: Repository, changes: list[RefChange], by: User) -> None:
        """Process a push, now or after `processing_delay`."""
        if not self.processing_delay:
            await self._pushes.process(repository, changes, by)
            return
        if self.merge_rapid_pushes and repository.id in self._waiting:
            waiting = self._waiting[repository.id]
            for change in changes:
                earlier = waiting.get(change.ref)
                waiting[change.ref] = RefChange(change.ref, earlier.old, change.new) if earlier else change
            return
        self._waiting[repository.id] = merged = {change.ref: change for change in changes}
        task = asyncio.create_task(self._process_later(self.processing_delay, repository, merged, by))
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _process_later(
        self, seconds: float, repository: Repository, changes: dict[str, RefChange], by: User
    ) -> None:
        await asyncio.sleep(seconds)
        async with self.lock:
            if self._waiting.get(repository.id) is changes:
                del self._waiting[repository.id]
            await self._pushes.process(repository, list(changes.values()), by)

    async def settle(self) -> None:
        """Wait until every push is processed and every delivery sent."""
        while self._later:
            await asyncio.wait(self._later)
        await self.deliveries.settle()
