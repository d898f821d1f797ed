"""Who asks: from a request's `Authorization` to what may be seen.

A token that is wrong, has expired or was revoked is refused, all in the same words, and never taken for none at all.
`Basic` and other ways to sign in belong to a proxy in front, and are passed over.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy.exc import DBAPIError

from cache.tokens import Token
from cache.viewer import EVERYTHING, PUBLIC, Viewer, scoped
from daemon.api.problems import ProblemError
from daemon.config.loading import Anonymous

log = structlog.get_logger(__name__)

PREFIX = "fg_"
"""How every token begins, so that people and scanners of secrets know one when they see it."""
LONGEST = 200
NOTED = timedelta(minutes=1)
"""How often it is noted, at most, that a token is in use."""
SCHEMES = ("bearer", "token")


class TokenStore(Protocol):
    """Where tokens are kept: `cache.tokens.Tokens`."""

    async def find(self, digest: str) -> Token | None:
        """The token with this hash, expired or not."""
        ...

    async def used(self, name: str, at: datetime) -> None:
        """Note that one was used."""
        ...


def new_token() -> str:
    """A token, 256 random bits: too many to be guessed, so that its plain hash tells nothing."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def viewer_of(token: Token) -> Viewer:
    """What a token lets its bearer see."""
    return scoped(*(token.data.get(kind) or () for kind in ("owners", "repositories", "collections")))


@dataclass(frozen=True)
class Asked:
    """Who asks: what may be seen, and whether a token said so. `credential` is its hash."""

    viewer: Viewer
    credential: str | None = None


def given_token(values: Sequence[str]) -> str | None:
    """The token in the values of `Authorization`; None where there is none.

    ProblemError `bad-token`: there is one, and not in a form that could be a token of ours.
    """
    if not values:
        return None
    if len(values) > 1:
        raise refused()
    scheme, space, token = values[0].strip().partition(" ")
    if scheme.lower() in SCHEMES:
        token = token.strip()
        if not token.startswith(PREFIX) or len(token) > LONGEST or not token.isascii():
            raise refused()
        return token
    if space and not scheme.startswith(PREFIX):
        return None
    raise refused()


def refused() -> ProblemError:
    """The one answer to every token that does not open: it says nothing of why."""
    message = "The token is not known, or no longer: make another with `forgeglass token create`, or send none."
    return ProblemError("bad-token", message, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


class Access:
    """Knows who may see what. `anonymous` says what is seen without a token."""

    def __init__(
        self, tokens: TokenStore | None, clock: Callable[[], datetime], anonymous: Anonymous = "public"
    ) -> None:
        self._tokens = tokens
        self._clock = clock
        self._anonymous = anonymous
        self._noted: dict[str, datetime] = {}
        self._notes: set[asyncio.Task[None]] = set()
        self._local = new_token()

    async def asked(self, authorization: Sequence[str]) -> Asked:
        """Who sends these values of `Authorization`; at most one look into `state.db`.

        ProblemError: `bad-token`; `token-needed` where nothing is told without one.
        """
        token = given_token(authorization)
        if token is not None:
            return await self._bearer(digest(token))
        if self._anonymous == "none":
            message = "Nothing is told here without a token; send one as `Authorization: Bearer …`."
            raise ProblemError("token-needed", message, headers={"WWW-Authenticate": "Bearer"})
        return Asked(EVERYTHING if self._anonymous == "all" else PUBLIC)

    async def again(self, asked: Asked) -> Asked:
        """The same asker later: a token may have been revoked. ProblemError as `asked`."""
        return asked if asked.credential is None else await self._bearer(asked.credential)

    async def _bearer(self, credential: str) -> Asked:
        if hmac.compare_digest(credential, digest(self._local)):
            return Asked(EVERYTHING, credential)
        found = await self._tokens.find(credential) if self._tokens is not None else None
        now = self._clock()
        if found is None or (found.expires_at is not None and found.expires_at <= now):
            raise refused()
        self._note(found.name, now)
        return Asked(viewer_of(found), credential)

    def local_token(self) -> str:
        """A token that sees all until this process ends: for whoever may use the control socket."""
        return self._local

    def _note(self, name: str, now: datetime) -> None:
        last = self._noted.get(name)
        if last is not None and now - last < NOTED:
            return
        self._noted[name] = now
        task = asyncio.create_task(self._write(name, now), name="forgeglass-token-used")
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _write(self, name: str, now: datetime) -> None:
        if self._tokens is None:
            return
        try:
            await self._tokens.used(name, now)
        except DBAPIError as error:
            log.warning("token.use_not_noted", name=name, error=type(error.orig).__name__)

    async def stop(self, _app: Any = None) -> None:
        """Wait for what is still to be noted."""
        await asyncio.gather(*self._notes, return_exceptions=True)
