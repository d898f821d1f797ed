"""Errors as people and programs read them: problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from aiohttp import web

from cache.profile.collection import Collection
from cache.queries.errors import QueryError
from daemon.api.telling import TYPE

CONTENT_TYPE = "application/problem+json"
PROBLEM: Final = web.ResponseKey("problem", dict[str, Any])
"""Under which name an answer in another form keeps the members of its problem."""

PROBLEMS: Mapping[str, tuple[int, str]] = {
    "ambiguous-collection": (409, "Several blocks offer this collection"),
    "bad-cursor": (400, "The cursor is damaged"),
    "bad-position": (400, "The position is damaged"),
    "bad-sort": (400, "The list has no such order"),
    "bad-token": (401, "The token is not valid"),
    "bad-value": (400, "A parameter's value does not fit"),
    "busy": (503, "Too many are asking"),
    "cache-unavailable": (503, "The cache cannot be read at the moment"),
    "commit-not-seen": (504, "The commit was not seen in time"),
    "cursor-mismatch": (409, "The cursor belongs to another question"),
    "internal": (500, "Something went wrong here"),
    "method-not-allowed": (405, "Everything here can only be read"),
    "misdirected-request": (421, "Forgeglass is not known by this name"),
    "no-text": (404, "There is no text to compare"),
    "not-found": (404, "There is nothing here"),
    "resync": (410, "The feed cannot go on from this position"),
    "session-ended": (401, "The session has ended"),
    "stopping": (503, "Forgeglass is stopping"),
    "token-needed": (401, "Nothing is told without a token"),
    "too-many-streams": (503, "Too many streams are open"),
    "too-many-waits": (503, "Too many are waiting"),
    "too-slow": (503, "The question takes too long"),
    "too-long": (413, "The texts are too long to compare"),
    "too-many-words": (400, "The search has too many words"),
    "too-many-values": (400, "The question is too long"),
    "unknown-collection": (404, "There is no such collection"),
    "unknown-parameter": (400, "There is no such parameter"),
    "unknown-repository": (404, "No profile reaches this repository"),
}
"""Every problem: its status and title."""


class ProblemError(Exception):
    """An answer that is a problem. `more` are members beside the standard ones."""

    def __init__(self, kind: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.headers, self.more = kind, detail, dict(headers or {}), more

    @classmethod
    def of(cls, error: QueryError) -> ProblemError:
        """The problem of a question that cannot be answered as it was put."""
        more: dict[str, Any] = {"parameter": error.parameter} if error.parameter is not None else {}
        return cls(error.kind, error.sentence, **more)

    def members(self, instance: str) -> dict[str, Any]:
        """The problem's JSON object; `instance` is the address that was asked for."""
        status, title = PROBLEMS[self.kind]
        standard = {"type": TYPE + self.kind, "title": title, "status": status, "detail": self.detail}
        return {**standard, "instance": instance, **self.more}

    def response(self, instance: str) -> web.Response:
        """The answer."""
        status, _ = PROBLEMS[self.kind]
        headers = {"Cache-Control": "no-store", **self.headers}
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers.setdefault("Retry-After", "1")
        body = msgspec.json.encode(self.members(instance))
        return web.Response(status=status, body=body, content_type=CONTENT_TYPE, headers=headers)


def missing(collection: Collection, key: str) -> ProblemError:
    """The problem of an entry that is not there."""
    message = f"The collection {collection.name} of {collection.block} has no entry {key[:200]!r}."
    return ProblemError("not-found", message)
