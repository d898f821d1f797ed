"""`/docs`: the API's description as a page, made here, read without a network and without a script."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web

from daemon.api.access import Asked
from daemon.api.answers import etag, tagged_bytes
from daemon.api.context import ApiContext
from daemon.api.docs_page import page
from daemon.api.lists import only_waiting
from daemon.api.openapi import Description
from daemon.api.parameters import Pairs
from daemon.api.public import base_address

POLICY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
"""Nothing runs and nothing is loaded but our stylesheet and icon (w3.org/TR/CSP3): a profile can do no harm."""


class Docs:
    """The page and its stylesheet."""

    def __init__(self, description: Description) -> None:
        self._description = description
        self._made: tuple[tuple[str, str], bytes] | None = None
        self._style = Path(__file__).with_name("docs.css").read_bytes()

    async def page(self, context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked) -> web.Response:
        """The page, made once for each set of profiles and address of ours."""
        only_waiting(pairs)
        of = (context.fingerprint(), base_address(context, request))
        if self._made is not None and self._made[0] == of:
            raw = self._made[1]
        else:
            document = self._description.made(context)
            # with eighty blocks it takes a while, and others wait for answers
            raw = (await asyncio.to_thread(page, document, of[1])).encode("utf-8", "replace")
            self._made = of, raw
        return tagged_bytes(request, raw, "text/html", etag("docs", "", raw), POLICY)

    async def style(self, context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked) -> web.Response:
        """Its stylesheet."""
        only_waiting(pairs)
        return tagged_bytes(request, self._style, "text/css", etag("style", "", self._style), {})
