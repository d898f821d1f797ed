"""An API that pages as the servers do, over lists that a test sets and moves."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from client_servers import TOKEN, serving

from gitea_client.rest import Rest
from gitea_client.transport import Transport

START = datetime(2026, 11, 21, tzinfo=UTC)


class Api:
    """Lists by path (below /api/v1), served with Link and X-Total-Count; single answers by path."""

    def __init__(self) -> None:
        self.lists: dict[str, list[Any]] = {}
        self.answers: dict[str, Any] = {}
        self.statuses: dict[str, int] = {}
        self.raw: dict[str, bytes] = {}
        """Whole paths, not below /api/v1, answered with these bytes."""
        self.cap = 50
        self.link = True
        self.total = True
        self.drop: dict[int, int] = {}
        """How many items to leave out of a page, by its number."""
        self.before: Callable[[str, int], None] = lambda path, page: None
        """Called before a page is made; a test changes the list here."""
        self.requests: list[tuple[str, dict[str, str]]] = []

    async def handle(self, request: web.Request) -> web.Response:
        if request.path in self.raw:
            return web.Response(body=self.raw[request.path])
        path = request.path.removeprefix("/api/v1")
        self.requests.append((path, dict(request.query)))
        headers = {"Date": "Sat, 21 Nov 2026 03:04:05 GMT"}
        if path in self.statuses:
            return web.Response(status=self.statuses[path], headers=headers)
        if path in self.answers:
            return web.json_response(self.answers[path], headers=headers)
        if path not in self.lists:
            return web.Response(status=404)
        number = int(request.query.get("page", "1"))
        self.before(path, number)
        items = self.lists[path]
        if path == "/repos/search":
            newest = request.query["sort"] == "updated"
            items = sorted(items, key=lambda i: i["updated_at"] if newest else i["id"], reverse=newest)
        limit = min(int(request.query.get("limit", "30")), self.cap)
        page = items[(number - 1) * limit : number * limit]
        if self.total:
            headers["X-Total-Count"] = str(len(items))
        if self.link and number * limit < len(items):
            # The host is a mis-set ROOT_URL; following it would leave the forge.
            headers["Link"] = f'<http://wrong.example.org{request.path}?page={number + 1}>; rel="next"'
        page = page[self.drop.get(number, 0) :]
        body = {"ok": True, "data": page} if path == "/repos/search" else page
        return web.Response(body=json.dumps(body), headers=headers, content_type="application/json")

    def pages_of(self, path: str) -> int:
        """How many requests were made for a path."""
        return sum(1 for asked, _ in self.requests if asked == path)


async def _no_sleep(seconds: float) -> None:
    """Waits between attempts are not what these tests are about."""


@asynccontextmanager
async def talking() -> AsyncIterator[tuple[Api, Rest]]:
    """An API and a client of it, for the time of the block."""
    api = Api()
    async with serving(api.handle) as url, Transport(url, TOKEN, sleep=_no_sleep) as transport:
        yield api, Rest(transport)


def repository(number: int, minutes: int = 0) -> dict[str, Any]:
    """A repository, updated so many minutes after the start."""
    owner = {"id": 5, "login": "acme"}
    updated = (START + timedelta(minutes=minutes)).isoformat()
    return {"id": number, "name": f"r{number}", "full_name": f"acme/r{number}", "owner": owner, "updated_at": updated}


def pull(number: int) -> dict[str, Any]:
    """An open pull request."""
    end = {"label": "x", "ref": "x", "sha": "a" * 40, "repo_id": 1}
    return {"id": number, "number": number, "title": "t", "state": "open", "head": end, "base": end}


def hit(number: int, repository_id: int = 1) -> dict[str, Any]:
    """A search result."""
    where = {"id": repository_id, "full_name": "acme/meta"}
    return {"number": number, "updated_at": START.isoformat(), "repository": where}


def activity(number: int, seconds: int) -> dict[str, Any]:
    """A feed item."""
    return {"id": number, "op_type": "commit_repo", "created": (START + timedelta(seconds=seconds)).isoformat()}
