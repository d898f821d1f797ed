"""Answers: the bytes, their ETag, and what travels in headers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.helpers import ETAG_ANY

from cache.queries.freshness import Freshness
from cache.schema import to_text

LARGE = 1024
"""Bytes from which on compressing pays."""

_encode = msgspec.json.Encoder().encode


def seen_at(moment: datetime | None) -> str:
    """A time for a header; `never` where there is none."""
    return "never" if moment is None else to_text(moment)


def fresh_headers(sequence: int, fresh: Freshness) -> dict[str, str]:
    """How fresh an answer is, for those who get no body (304, HEAD)."""
    return {
        "Forgeglass-Sequence": str(sequence),
        "Forgeglass-Observed-At": seen_at(fresh.observed_at),
        "Forgeglass-Stale": "true" if fresh.stale else "false",
    }


def list_answer(
    request: web.Request, items: Any, cursor: str | None, sequence: int, fresh: Freshness, fingerprint: str
) -> web.Response:
    """A list with its `Link` to the next page."""
    raw = _encode(items)
    headers = fresh_headers(sequence, fresh)
    if cursor is not None:
        following = request.rel_url.update_query({"cursor": cursor})
        headers["Link"] = f'<{following.raw_path_qs}>; rel="next"'
    body = {
        "items": msgspec.Raw(raw), "next": cursor, "sequence": sequence,
        "observed_at": fresh.observed_at, "stale": fresh.stale,
    }  # fmt: skip
    return tagged(request, body, etag(fingerprint, cursor or "", raw), headers)


def one_answer(
    request: web.Request, item: Mapping[str, Any], sequence: int, fresh: Freshness, fingerprint: str
) -> web.Response:
    """A single thing, with when it was verified beside it."""
    tag = etag(fingerprint, "", _encode(item))
    more = {"verified_at": fresh.verified_at, "observed_at": fresh.observed_at, "stale": fresh.stale}
    return tagged(request, {**item, **more, "sequence": sequence}, tag, fresh_headers(sequence, fresh))


def etag(fingerprint: str, cursor: str, raw: bytes) -> str:
    """The tag of what is told: never of when it was looked at."""
    hashed = hashlib.sha256()
    for part in (fingerprint.encode(), cursor.encode(), raw):
        hashed.update(len(part).to_bytes(8, "big"))
        hashed.update(part)
    return hashed.hexdigest()[:32]


def tagged(request: web.Request, body: Any, tag: str, headers: Mapping[str, str]) -> web.Response:
    """The answer, or 304 where the reader has it (RFC 9110, section 13.1.2). Tags are weak: bytes may differ."""
    headers = {**headers, "ETag": f'W/"{tag}"', "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    known = request.if_none_match or ()
    if any(each.value in (ETAG_ANY, tag) for each in known):
        return web.Response(status=304, headers=headers)
    return plain(request, body, headers)


def plain(request: web.Request, body: Any, headers: Mapping[str, str]) -> web.Response:
    """JSON, compressed where that pays and the reader takes it."""
    response = web.Response(body=_encode(body), content_type="application/json", headers=headers)
    if len(response.body or b"") > LARGE and _takes_gzip(request):  # type: ignore[arg-type]  # bytes, given above
        response.enable_compression(web.ContentCoding.gzip)
    return response


def _takes_gzip(request: web.Request) -> bool:
    for part in request.headers.get("Accept-Encoding", "").split(","):
        coding, _, weight = part.partition(";")
        if coding.strip().lower() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
