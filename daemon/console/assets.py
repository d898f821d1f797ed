"""The console's own files: style, scripts, icon. Nothing is loaded from elsewhere."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from aiohttp import web
from msgspec import Struct

TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
NAMES = ("console.css", "console.js", "htmx.min.js", "icon.svg")

POLICY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""Of every answer: only our own files are run, applied or shown (w3.org/TR/CSP3), whatever a repository says."""


class Asset(Struct, frozen=True):
    """A file, and what changes with it."""

    content: bytes
    version: str


@cache
def asset(name: str) -> Asset:
    """One of `NAMES`."""
    content = (files("daemon.console") / "static" / name).read_bytes()
    return Asset(content, hashlib.sha256(content).hexdigest()[:16])


def versions() -> dict[str, str]:
    """The version of each."""
    return {name: asset(name).version for name in NAMES}


def answer(request: web.Request, name: str) -> web.Response:
    """A file, to be kept for ever where its version was asked for. HTTPNotFound: there is none of this name."""
    if name not in NAMES:
        raise web.HTTPNotFound
    found = asset(name)
    kept = "public, max-age=31536000, immutable" if request.query.get("v") == found.version else "no-cache"
    headers = {**POLICY, "Cache-Control": kept, "ETag": f'"{found.version}"'}
    if any(each.value == found.version for each in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    kind = TYPES[name.rpartition(".")[2]]
    response = web.Response(body=found.content, content_type=kind, charset="utf-8", headers=headers)
    response.enable_compression()
    return response
