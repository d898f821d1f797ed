"""Request bodies: JSON objects, and the fields wanted of them."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from .replies import ApiError


async def json_body(request: web.Request) -> dict[str, Any]:
    """The body as a JSON object (an empty body is an empty one); raises ApiError 422."""
    raw = await request.read()
    if not raw:
        return {}
    try:
        value = json.loads(raw)
    except ValueError as error:
        raise ApiError(422, f"the body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ApiError(422, "the body is not a JSON object")
    return value


def text(body: dict[str, Any], key: str, default: str | None = None) -> str:
    """A string field; raises ApiError 422 when it is missing (and has no default) or of another type."""
    value = body.get(key, default)
    if not isinstance(value, str):
        raise ApiError(422, f"[{key}]: Required")
    return value


def part(body: dict[str, Any], key: str) -> dict[str, Any]:
    """A field that is an object, empty when it is missing; raises ApiError 422 when it is something else."""
    value = body.get(key) or {}
    if not isinstance(value, dict):
        raise ApiError(422, f"[{key}]: not an object")
    return value


def texts(body: dict[str, Any], key: str) -> list[str]:
    """A field that is a list of strings, empty when it is missing; raises ApiError 422 when it is something else."""
    value = body.get(key) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ApiError(422, f"[{key}]: not a list of strings")
    return value


def optional_text(body: dict[str, Any], key: str) -> str | None:
    """A string field or None."""
    value = body.get(key)
    return value if isinstance(value, str) else None
