"""Answers to deliveries that were not taken, as RFC 9457 problems."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from aiohttp import web

TYPES = "urn:forgeglass:problem:"

PROBLEMS: Mapping[str, tuple[int, str]] = {
    "crowded": (503, "Too many bodies are arriving"),
    "cut": (400, "The body was cut short"),
    "encoded": (415, "The body is compressed"),
    "malformed": (400, "Not a delivery"),
    "signature": (401, "The signature is missing or wrong"),
    "store": (503, "The delivery could not be stored"),
    "timeout": (408, "The body did not arrive in time"),
    "too-large": (413, "The body is too large"),
}
"""Every problem: its status and title."""


def problem(kind: str, detail: str) -> web.Response:
    """An `application/problem+json` answer; the forge keeps it with the delivery, where an administrator reads it."""
    status, title = PROBLEMS[kind]
    body = {"type": f"{TYPES}{kind}", "title": title, "status": status, "detail": detail}
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/problem+json")
