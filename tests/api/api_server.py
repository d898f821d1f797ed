"""A small cache filled by hand, and a real server over it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from aiohttp import web
from api_rows import NOW
from yarl import URL

from cache.diff import RowChange
from cache.profile.collection import Block
from cache.rows import Row, identity
from cache.store.database import Database
from cache.store.writer import Store
from daemon.api.access import Access
from daemon.api.app import Api
from daemon.api.context import ApiContext
from daemon.api.news import News
from daemon.connections import LONGEST_LINE


@dataclass
class Waited:
    """A stand-in for looking at the forge: what `wait_for` was asked, and what it answers."""

    seen: bool = True
    known: bool = True
    head: str | None = "f" * 40
    error: str | None = None


@dataclass
class Cache:
    """A cache with rows, and what the API needs of a daemon."""

    database: Database
    store: Store
    blocks: tuple[Block, ...]
    news: News = field(default_factory=News)
    now: datetime = NOW
    epoch: str = "e1"
    waited: Waited = field(default_factory=Waited)
    asked: list[tuple[str, str, float]] = field(default_factory=list)
    places: dict[type[Row], dict[Any, Row]] = field(default_factory=dict)

    async def put(self, *rows: Row) -> None:
        """Write rows as a reconcile does, feed included."""
        await self._apply([RowChange(type(row), identity(row), self._known(row), row) for row in rows])

    async def remove(self, *rows: Row) -> None:
        await self._apply([RowChange(type(row), identity(row), row, None) for row in rows])

    async def _apply(self, changes: Iterable[RowChange]) -> None:
        changes = list(changes)
        for change in changes:
            table = self.places.setdefault(change.kind, {})
            if change.after is None:
                table.pop(change.key, None)
            else:
                table[change.key] = change.after
        applied = await self.store.apply(changes, at=NOW, rows=self.places)
        self.news.tell(applied.sequence)

    def _known(self, row: Row) -> Row | None:
        return self.places.get(type(row), {}).get(identity(row))

    async def wait_for(self, full_name: str, commit: str, timeout: float, seen: Any = None) -> Waited:
        self.asked.append((full_name, commit, timeout))
        return self.waited

    async def status(self, viewer: Any) -> dict[str, Any]:
        return {"version": "0.1.0", "repositories": 3}

    def context(self, **changes: Any) -> ApiContext:
        context = ApiContext(
            database=self.database,
            blocks=lambda: self.blocks,
            fingerprint=lambda: "+".join(block.fingerprint for block in self.blocks),
            clock=lambda: self.now,
            sweep_interval=timedelta(seconds=60),
            epoch=lambda: self.epoch,
            sequence=lambda: self.store.sequence,
            wait_for=self.wait_for,
            news=self.news,
            status=self.status,
            access=Access(None, lambda: self.now),
            forge_url="https://forge.example",
            version="0.1.0",
        )
        return replace(context, **changes)


@dataclass
class Client:
    """Asks a server below `/api/v1`."""

    session: aiohttp.ClientSession
    root: str

    async def get(
        self, path: str, *, status: int = 200, headers: dict[str, str] | None = None, method: str = "GET", **query: Any
    ) -> Any:
        """The JSON of an answer that must have this status."""
        return (await self.answer(path, status=status, headers=headers, method=method, **query))[1]

    async def answer(
        self, path: str, *, status: int = 200, headers: dict[str, str] | None = None, method: str = "GET", **query: Any
    ) -> tuple[aiohttp.ClientResponse, Any]:
        url = URL(f"{self.root}/api/v1{path}", encoded=True)
        if query:
            url = url.with_query(query)
        async with self.session.request(method, url, headers=headers) as response:
            raw = await response.read()
            assert response.status == status, raw.decode()
            return response, json.loads(raw) if raw else None


@dataclass
class Server:
    """A running server; `api` is what it serves."""

    api: Api
    root: str


async def serve(context: ApiContext) -> AsyncIterator[Server]:
    api = Api(context)
    app = web.Application()
    app.add_routes(api.routes())
    app.on_shutdown.append(api.stop)
    runner = web.AppRunner(app, max_line_size=LONGEST_LINE)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield Server(api, f"http://{host}:{port}")
    finally:
        await runner.cleanup()
