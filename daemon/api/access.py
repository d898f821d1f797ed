"""Who asks: from what a request brings along to what may be seen.

A token or a session that is wrong, has expired or was revoked is refused, all in the same words, and never taken for
none at all. `Basic` and other ways to sign in belong to a proxy in front, and are passed over.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import structlog
from sqlalchemy.exc import DBAPIError

from cache.tokens import Token
from cache.viewer import EVERYTHING, PUBLIC, Viewer, scoped
from daemon.api.credentials import Credentials, TrustedProxy
from daemon.api.hashing import digest
from daemon.api.problems import ProblemError
from daemon.api.sessions import Sessions
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

    async def named(self, name: str) -> Token | None:
        """The token of this name, expired or not."""
        ...

    async def used(self, name: str, at: datetime) -> None:
        """Note that one was used."""
        ...


def new_token() -> str:
    """A token, 256 random bits: too many to be guessed, so that its plain hash tells nothing."""
    return PREFIX + secrets.token_urlsafe(32)


def viewer_of(token: Token) -> Viewer:
    """What a token lets its bearer see."""
    return scoped(*(token.data.get(kind) or () for kind in ("owners", "repositories", "collections")))


@dataclass(frozen=True)
class Asked:
    """Who asks: what may be seen, and what said so. `credential` is the hash of a token, None where none did.

    `name` is what the token is called, or the name that a trusted proxy gave; `session` the hash of a session's cookie;
    `address` a stranger's, where it is theirs alone.
    """

    viewer: Viewer
    credential: str | None = None
    name: str | None = None
    session: str | None = None
    address: str | None = None


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
        return told_token(token.strip())
    if space and not scheme.startswith(PREFIX):
        return None
    raise refused()


def told_token(token: str) -> str:
    """The token, where it could be one of ours. ProblemError: `bad-token`."""
    if not token.startswith(PREFIX) or len(token) > LONGEST or not token.isascii():
        raise refused()
    return token


def refused() -> ProblemError:
    """The one answer to every token that does not open: it says nothing of why."""
    message = "The token is not known, or no longer: make another with `forgeglass token create`, or send none."
    return ProblemError("bad-token", message, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


class Access:
    """Knows who may see what. `anonymous` says what is seen without a token; people whom `proxy` names see what the
    token called `proxy_token` lets see.
    """

    def __init__(
        self,
        tokens: TokenStore | None,
        clock: Callable[[], datetime],
        anonymous: Anonymous = "public",
        proxy: TrustedProxy | None = None,
        proxy_token: str | None = None,
    ) -> None:
        self._tokens = tokens
        self._clock = clock
        self.anonymous: Final = anonymous
        self.proxy: Final = proxy
        self._proxy_token = proxy_token
        self._sessions = Sessions(clock)
        self._noted: dict[str, datetime] = {}
        self._notes: set[asyncio.Task[None]] = set()
        self._local = new_token()

    async def asked(self, brought: Credentials) -> Asked:
        """Who brings this along; at most one look into `state.db`. A token counts before a session, and that before
        the word of a proxy.

        ProblemError: `bad-token`; `session-ended`; `token-needed` where nothing is told without one.
        """
        token = given_token(brought.authorization)
        if token is not None:
            return await self._bearer(digest(token))
        if brought.session is not None:
            return await self._session(digest(brought.session))
        if brought.proxied:
            return await self._proxied(brought.proxied)
        if self.anonymous == "none":
            message = "Nothing is told here without a token; send one as `Authorization: Bearer …`."
            raise ProblemError("token-needed", message, headers={"WWW-Authenticate": "Bearer"})
        return Asked(EVERYTHING if self.anonymous == "all" else PUBLIC, address=brought.address)

    async def again(self, asked: Asked) -> Asked:
        """The same asker later: a token may have been revoked, a session ended. ProblemError as `asked`."""
        if asked.session is not None:
            return await self._session(asked.session)
        if asked.credential is None:
            return asked
        return replace(await self._bearer(asked.credential), name=asked.name)

    async def sign_in(self, token: str) -> tuple[str, Asked]:
        """What a session's cookie holds that stands for a token, and whose it is. ProblemError: `bad-token`."""
        asked = await self._bearer(digest(told_token(token.strip())))
        return self._sessions.open(asked.credential or ""), asked

    def sign_out(self, session: str) -> None:
        """End the session with this cookie; there may be none."""
        self._sessions.end(digest(session))

    async def _session(self, session: str) -> Asked:
        found = self._sessions.find(session)
        if found is not None:
            try:
                return replace(await self._bearer(found.credential), session=session)
            except ProblemError:
                self._sessions.end(session)
        message = "The session has ended, or its token was revoked: sign in again."
        raise ProblemError("session-ended", message)

    async def _proxied(self, names: tuple[str, ...]) -> Asked:
        if len(names) > 1 or not 0 < len(names[0]) <= LONGEST or self._tokens is None or self._proxy_token is None:
            raise refused()
        found = await self._tokens.named(self._proxy_token)
        if found is None:
            log.warning("access.proxy_token_missing", name=self._proxy_token)
            raise refused()
        return replace(self._opened(found), name=names[0])

    async def _bearer(self, credential: str) -> Asked:
        if hmac.compare_digest(credential, digest(self._local)):
            return Asked(EVERYTHING, credential)
        found = await self._tokens.find(credential) if self._tokens is not None else None
        if found is None:
            raise refused()
        return self._opened(found)

    def _opened(self, token: Token) -> Asked:
        now = self._clock()
        if token.expires_at is not None and token.expires_at <= now:
            raise refused()
        self._note(token.name, now)
        return Asked(viewer_of(token), token.hash, token.name)

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
