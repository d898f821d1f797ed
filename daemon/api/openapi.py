"""The API's description of itself."""

from __future__ import annotations

from aiohttp import web

from daemon.api.answers import plain
from daemon.api.context import ApiContext
from daemon.api.parameters import Pairs


async def document(context: ApiContext, request: web.Request, pairs: Pairs) -> web.Response:
    """The description, made from the profiles in use."""
    return plain(request, {}, {})
