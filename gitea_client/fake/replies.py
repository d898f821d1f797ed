"""Answers: JSON as the servers send it, their paging, their errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from .objects import StandInError
from .state import World

DEFAULT_PAGE = 30
"""Items of a page when `limit` is not given (api.DEFAULT_PAGING_NUM)."""

CACHE = "max-age=0, private, must-revalidate, no-transform"


class ApiError(StandInError):
    """An error with a status and the message that goes into the body."""

    def __init__(self, status: int, message: str, errors: list[str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.errors = errors


def reply(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer, with the newline that Go's encoder adds."""
    try:
        text = msgspec.json.encode(value)
    except UnicodeEncodeError:  # lone surrogates, as of a name in no encoding
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    for character in b"<>&":
        text = text.replace(bytes([character]), b"\\u%04x" % character)
    response = web.Response(body=text + b"\n", status=status, headers={"Cache-Control": CACHE, **(headers or {})})
    response.headers["Content-Type"] = "application/json;charset=utf-8"
    return response


class Replies:
    """Paging and errors, which need the server's own address, its page cap and its flavour."""

    def __init__(self, world: World, root_url: Callable[[], str], page_cap: int) -> None:
        self._world = world
        self._root_url = root_url
        self.page_cap = page_cap

    def limit(self, request: web.Request, default: int = DEFAULT_PAGE) -> int:
        """`limit`, silently held to the server's cap."""
        asked = number(request.query.get("limit"))
        return min(asked if asked > 0 else min(default, self.page_cap), self.page_cap)

    def window(self, request: web.Request, default: int = DEFAULT_PAGE) -> slice:
        """Which of all the items this page shows."""
        page, limit = max(number(request.query.get("page")), 1), self.limit(request, default)
        return slice((page - 1) * limit, page * limit)

    def headers(self, request: web.Request, total: int, default: int = DEFAULT_PAGE) -> dict[str, str]:
        """X-Total-Count, and Link built from ROOT_URL with the query's keys in order: next, last, first, prev."""
        limit, page = self.limit(request, default), max(number(request.query.get("page")), 1)
        last = max(-(-total // limit), 1)
        wanted = ([("next", page + 1), ("last", last)] if page < last else []) + (
            [("first", 1), ("prev", page - 1)] if page > 1 else []
        )
        links = []
        for relation, target in wanted:
            query = urlencode(sorted([*((k, v) for k, v in request.query.items() if k != "page"), ("page", target)]))
            links.append(f'<{self._root_url()}{request.path}?{query}>; rel="{relation}"')
        return {"X-Total-Count": str(total), **({"Link": ",".join(links)} if links else {})}

    def page(
        self, request: web.Request, items: Sequence[Any], make: Callable[[Any], Any] = lambda item: item, *,
        default: int = DEFAULT_PAGE, wrap: Callable[[list[Any]], Any] = lambda page: page, links: bool = True,
    ) -> web.Response:  # fmt: skip
        """One page of a list that is complete in memory. Some lists have no Link header (`links`)."""
        shown = [make(item) for item in items[self.window(request, default)]]
        headers = self.headers(request, len(items), default) if links else {"X-Total-Count": str(len(items))}
        return reply(wrap(shown), headers=headers)

    def error(self, status: int, message: str, errors: list[str] | None = None) -> web.Response:
        """An error's body, whose fields the two servers order (and fill) differently."""
        url = f"{self._root_url()}/api/swagger"
        if status == 404:
            blank: list[str] | None = [] if self._world.forgejo else None
            return reply({"errors": errors or blank, "message": message, "url": url}, status=404)
        return reply({"message": message, "url": url}, status=status)

    def missing(self, errors: list[str] | None = None) -> web.Response:
        return self.error(404, "The target couldn't be found.", errors)


def number(text: str | None) -> int:
    """A query's number; anything else, and anything absurd, is 0, as the servers read it."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else 0


def flag(text: str | None, default: bool = False) -> bool:
    """A query's boolean, as Go's ParseBool reads it."""
    return default if text is None or text == "" else text.lower() in ("1", "t", "true")
