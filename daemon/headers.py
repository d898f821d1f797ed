"""What binds every answer, whoever made it: a page, a problem, a redirect, an error of the HTTP library."""

from __future__ import annotations

from typing import Final

from aiohttp import web

EVERYWHERE: Final = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
"""An answer that needs more than nothing, as the console's pages do, says so itself (w3.org/TR/CSP3)."""


async def bind(_request: web.Request, response: web.StreamResponse) -> None:
    """Add what an answer lacks of it, before it is sent (a signal of `web.Application.on_response_prepare`)."""
    for name, value in EVERYWHERE.items():
        response.headers.setdefault(name, value)
