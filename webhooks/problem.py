"""Answers to deliveries that were not taken, as RFC 9457 problems."""

from __future__ import annotations

import msgspec
from aiohttp import web

TYPES = "urn:forgeglass:problem:"


def problem(status: int, slug: str, title: str, detail: str) -> web.Response:
    """An `application/problem+json` answer; the forge keeps it with the delivery, where an administrator reads it."""
    body = {"type": f"{TYPES}{slug}", "title": title, "status": status, "detail": detail}
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/problem+json")
