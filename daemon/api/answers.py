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
from daemon.api import sheets
from daemon.api.access import Asked
from daemon.api.context import ApiContext
from daemon.api.formats import form
from daemon.api.sending import takes_gzip
from daemon.api.sheets import Sheet

LARGE = 1024
"""Bytes from which on compressing pays."""

JSON = "application/json"
LIST_VARY = "Accept, Accept-Encoding"
"""What a list's form depends on."""

_encode = msgspec.json.Encoder().encode


def for_asker(headers: Mapping[str, str], signed: bool) -> dict[str, str]:
    """What tells caches that answers differ by who asks; one to somebody known is the asker's alone."""
    vary = [headers["Vary"]] if "Vary" in headers else []
    told = {"Vary": ", ".join([*vary, "Authorization, Cookie"])}
    if signed:
        kept = headers.get("Cache-Control")
        told["Cache-Control"] = ", ".join(filter(None, ("private", kept)))
    return told


def seen_at(moment: datetime | None) -> str:
    """A time for a header; `never` where there is none."""
    return "never" if moment is None else to_text(moment)


def told_by(context: ApiContext, asked: Asked) -> str:
    """What every ETag covers beside what is told: the profiles, and what the asker may see."""
    return f"{context.fingerprint()} {asked.viewer.mark}"


def fresh_headers(sequence: int, fresh: Freshness) -> dict[str, str]:
    """How fresh an answer is, for those who get no body (304, HEAD)."""
    return {
        "Forgeglass-Sequence": str(sequence),
        "Forgeglass-Observed-At": seen_at(fresh.observed_at),
        "Forgeglass-Stale": "true" if fresh.stale else "false",
    }


def list_answer(
    request: web.Request,
    items: Any,
    cursor: str | None,
    sequence: int,
    fresh: Freshness,
    fingerprint: str,
    sheet: Sheet,
) -> web.Response:
    """A list with its `Link` to the next page: JSON, or CSV where the reader wants that."""
    headers = {**fresh_headers(sequence, fresh), "Vary": LIST_VARY}
    if cursor is not None:
        headers["Link"] = next_link(request, cursor=cursor)
    if form(tuple(request.query.items()), request.headers.get("Accept", "")) == "csv":
        raw = sheets.table(sheet, msgspec.to_builtins(items))
        tag = etag(f"{fingerprint} csv", cursor or "", raw)
        return tagged_bytes(request, raw, sheets.CONTENT_TYPE, tag, {**headers, **_saved_as(sheet)})
    raw = _encode(items)
    body = {
        "items": msgspec.Raw(raw), "next": cursor, "sequence": sequence,
        "observed_at": fresh.observed_at, "stale": fresh.stale,
    }  # fmt: skip
    return tagged(request, body, etag(fingerprint, cursor or "", raw), headers)


def next_link(request: web.Request, **query: str) -> str:
    """The `Link` to what comes after an answer: its own address with another place (RFC 8288).

    The target is a query alone, to be joined with the address that was asked (RFC 3986, section 5.2.2): so it is right
    behind any proxy, whatever path the proxy takes away.
    """
    return f'<?{request.rel_url.update_query(query).raw_query_string}>; rel="next"'


def csv_answer(request: web.Request, sheet: Sheet, items: Any, headers: Mapping[str, str]) -> web.Response:
    """A list that is not to be kept, as CSV."""
    raw = sheets.table(sheet, msgspec.to_builtins(items))
    return written(request, raw, sheets.CONTENT_TYPE, {**headers, "Vary": LIST_VARY, **_saved_as(sheet)})


def _saved_as(sheet: Sheet) -> dict[str, str]:
    # the name is a collection's or our own, letters and digits alone: nothing of a repository gets in here
    return {"Content-Disposition": f'attachment; filename="{sheet.name}.csv"'}


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
    """JSON, or 304 where the reader has it."""
    return tagged_bytes(request, _encode(body), JSON, tag, headers)


def tagged_bytes(
    request: web.Request, body: bytes, content_type: str, tag: str, headers: Mapping[str, str]
) -> web.Response:
    """The answer, or 304 where the reader has it (RFC 9110, section 13.1.2). Tags are weak: bytes may differ."""
    headers = {"Vary": "Accept-Encoding", "Cache-Control": "no-cache", **headers, "ETag": f'W/"{tag}"'}
    known = request.if_none_match or ()
    if any(each.value in (ETAG_ANY, tag) for each in known):
        return web.Response(status=304, headers=headers)
    return written(request, body, content_type, headers)


def plain(request: web.Request, body: Any, headers: Mapping[str, str]) -> web.Response:
    """JSON, compressed where that pays and the reader takes it."""
    return written(request, _encode(body), JSON, headers)


def written(request: web.Request, body: bytes, content_type: str, headers: Mapping[str, str]) -> web.Response:
    """Bytes, compressed where that pays and the reader takes it; text is UTF-8."""
    charset = "; charset=utf-8" if content_type.startswith("text/") else ""
    response = web.Response(body=body, headers={**headers, "Content-Type": content_type + charset})
    if len(body) > LARGE and takes_gzip(request):
        response.enable_compression(web.ContentCoding.gzip)
    return response
