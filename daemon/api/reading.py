"""What every read does before it asks the cache."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from cache.queries.visible import visible_ids
from cache.viewer import Viewer
from daemon.api.access import Asked
from daemon.api.context import ApiContext
from daemon.api.parameters import Pairs, awaited
from daemon.api.problems import ProblemError


def pairs_of(request: web.Request) -> Pairs:
    """The query string, in the order in which it was sent."""
    return tuple((key, value) for key, value in request.query.items())


async def wait_for(context: ApiContext, asked: Asked, pairs: Pairs) -> Asked:
    """Wait for the commit that a reader has pushed, so that no answer is older; who asks, as it is afterwards.

    A repository that may not be seen is not looked at, and unknown. ProblemError: `commit-not-seen` with the head that
    was seen, `unknown-repository`; as `Access.again`.
    """
    wanted = awaited(pairs)
    if wanted is None:
        return asked
    seen = await _seen(context, asked.viewer)
    waited = await context.wait_for(wanted.full_name, wanted.commit, wanted.timeout, seen)
    asked = await context.access.again(asked)  # a token may have been revoked meanwhile
    if not waited.seen and waited.known and (now := await _seen(context, asked.viewer)) != seen:
        # so may the repository have turned private: its head would be told
        waited = await context.wait_for(wanted.full_name, wanted.commit, 0.0, now)
    if not waited.known:
        message = f"No profile reaches {wanted.full_name}; wait for a commit of a repository under /repositories."
        raise ProblemError("unknown-repository", message, parameter="wait_for")
    if not waited.seen:
        message = f"{wanted.full_name} did not show {wanted.commit} within {wanted.timeout:g} s; ask again, or push it."
        more: dict[str, Any] = {"error": waited.error} if waited.error is not None else {}
        raise ProblemError("commit-not-seen", message, head=waited.head, repository=wanted.full_name, **more)
    return asked


async def _seen(context: ApiContext, viewer: Viewer) -> frozenset[int] | None:
    async with context.database.read() as connection:
        return await visible_ids(connection, viewer)
