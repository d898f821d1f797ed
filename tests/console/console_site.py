"""A real server with the API and the console over a cache filled by hand, and what it is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from aiohttp import web
from api_rows import NOW
from api_server import Cache
from console_page import Page
from sqlalchemy import event
from yarl import URL

from cache.viewer import Viewer
from daemon.api.app import Api
from daemon.console.app import Console
from daemon.console.context import ConsoleContext
from webhooks.inbox import Lags

STATUS: dict[str, Any] = {
    "version": "0.1.0", "first_sweep_done": True, "paused": False, "owners": [], "unknown_names": [],
    "deliveries": {"pending": 1, "oldest": "2026-03-01T11:59:00Z", "states": {"done": 7, "pending": 1}},
    "sweeps": [
        {
            "id": 2, "kind": "quiet", "started_at": "2026-03-01T11:59:00Z", "finished_at": "2026-03-01T11:59:02Z",
            "requests_rest": 3, "requests_git": 1, "repositories": 4, "reconciled": 1, "changes": 5, "errors": [],
        },
    ],
}  # fmt: skip
PAGES = (
    "", "pulls", "findings", "repositories", "changes", "c/rfc/rfcs", "c/rfc/rfcs/alpha", "c/rfc/actions",
    "c/notes/notes", "c/rfc/rfcs/beta", "pulls?state=any", "findings?cleared=true", "repositories?depth=any",
    "c/rfc/rfcs/delta", "c/rfc/rfcs/alpha/revisions", "c/rfc/rfcs/alpha/revisions/1", "c/rfc/rfcs/alpha/revisions/2",
    "c/rfc/rfcs/alpha/revisions/1?as=rendered&text=merged", "c/rfc/rfcs/alpha/revisions/1/diff/2",
    "c/rfc/rfcs/alpha/revisions/latest-merged/diff/2?as=beside&all=yes", "pulls/acme/meta/1", "pulls/acme/meta/2",
    "c/rfc/rfcs/beta/proposals/acme/meta/1", "c/rfc/rfcs/delta/proposals/acme/meta/1?as=rendered",
)  # fmt: skip
"""Addresses of pages that the sample cache fills."""


class Site:
    """A running console; `status` is what the daemon tells of itself."""

    def __init__(self, cache: Cache, root: str, session: aiohttp.ClientSession, status: dict[str, Any]) -> None:
        self.cache, self.root, self.session, self.status = cache, root, session, status
        self.lags = Lags(12, 0.25, 1.5)

    async def answer(
        self, path: str, *, status: int = 200, method: str = "GET", headers: dict[str, str] | None = None
    ) -> tuple[aiohttp.ClientResponse, str]:
        """An answer that must have this status, redirects not followed."""
        url = URL(f"{self.root}{path}", encoded=True)
        async with self.session.request(method, url, headers=headers, allow_redirects=False) as response:
            text = await response.text()
            assert response.status == status, text
            return response, text

    async def page(self, path: str = "", *, status: int = 200) -> Page:
        """A page of the console."""
        return Page((await self.answer(f"/console/{path}", status=status))[1])

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """The statements that are asked of the cache meanwhile, without those of a transaction."""
        asked: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if not statement.startswith("BEGIN"):
                asked.append(statement)

        engine = self.cache.database._read_engine
        assert engine is not None
        event.listen(engine.sync_engine, "before_cursor_execute", note)
        try:
            yield asked
        finally:
            event.remove(engine.sync_engine, "before_cursor_execute", note)


@asynccontextmanager
async def serve(cache: Cache, *, status: dict[str, Any] | None = None, **changes: Any) -> AsyncIterator[Site]:
    """A site over a cache; `changes` are those of its context."""
    app = web.Application()
    told = dict(STATUS if status is None else status)

    async def tell(_viewer: Viewer) -> dict[str, Any]:
        return told

    async def lags(since: datetime) -> Lags:
        assert since == NOW - timedelta(days=1)
        return site.lags

    context = cache.context(**{"status": tell, **changes})
    api = Api(context)
    app.add_routes(api.routes())
    app.add_routes(Console(ConsoleContext(context, lags)).routes())
    app.on_shutdown.append(api.stop)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession() as session:
        site = Site(cache, f"http://{host}:{port}", session, told)
        try:
            yield site
        finally:
            await session.close()
            await runner.cleanup()
