"""`/changes.atom`: the newest changes for feed readers, older ones page by page."""

from __future__ import annotations

import hashlib
from urllib.parse import quote, urlencode

from aiohttp import web

from cache.queries import changes as queries
from cache.queries.filters import parse
from cache.queries.paging import DEFAULT_LIMIT, limit_of
from daemon.api import atom
from daemon.api.access import Asked
from daemon.api.addresses import ROOT
from daemon.api.answers import LIST_VARY, etag, tagged_bytes
from daemon.api.context import ApiContext
from daemon.api.feed import shown
from daemon.api.formats import weight
from daemon.api.parameters import WAITING, Pairs, feed_place, one
from daemon.api.problems import ProblemError
from daemon.api.public import base_address

PATH = f"{ROOT}/changes.atom"
PAGING = ("limit", "before")
PLAIN = "text/xml"


async def changes_atom(context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked) -> web.Response:
    """The changes that fit, newest first; with `before=POSITION` those before it.

    ProblemError: `bad-position`, `resync` where the position is of another epoch. QueryError: as for `/changes`.
    """
    conditions = parse(pairs, queries.columns(), (*WAITING, *PAGING))
    limit, before = one(pairs, "limit"), one(pairs, "before")
    count = DEFAULT_LIMIT if limit is None else limit_of(limit)
    epoch = context.epoch()
    end = 2**62 if before is None else _before(before, epoch)
    async with context.database.read() as connection:
        found = await queries.changes_before(connection, asked.viewer, end, count + 1, conditions)
    items = shown(found[:count], epoch)

    base = base_address(context, request)
    own = [(name, value) for name, value in pairs if name not in WAITING]
    first = [(name, value) for name, value in own if name != "before"]
    filters = [(name, value) for name, value in first if name != "limit"]
    page = atom.Page(
        identity=_identity(epoch, filters),
        title="Changes in Forgeglass" + (f": {', '.join('='.join(pair) for pair in filters)}" if filters else ""),
        version=context.version,
        base=base,
        forge=context.forge_url,
        itself=_address(base + PATH, own),
        first=_address(base + PATH, first),
        older=_address(base + PATH, [*first, ("before", items[-1]["position"])]) if len(found) > count else None,
        changes=_address(f"{base}{ROOT}/changes", filters),
        items=items,
    )
    raw = atom.document(page)
    # generated clients and simple readers know XML as text alone
    accept = request.headers.get("Accept", "")
    plain = weight(accept, "text", "xml") > weight(accept, *atom.CONTENT_TYPE.split("/"))
    media = PLAIN if plain else atom.CONTENT_TYPE
    tag = etag(f"{media} {asked.viewer.mark}", "", raw)
    return tagged_bytes(request, raw, media, tag, {"Vary": LIST_VARY})


def _before(text: str, epoch: str) -> int:
    place = feed_place(text, None, epoch, "before")
    if place.epoch != epoch:
        message = f"{place} is of another epoch: the feed began anew. Leave before out, and read it from its newest."
        raise ProblemError("resync", message, epoch=epoch)
    return place.sequence


def _identity(epoch: str, filters: Pairs) -> str:
    """An id that is the feed's alone wherever it is read: epochs are random, and filters make another feed."""
    chosen = hashlib.sha256(repr(sorted(filters)).encode()).hexdigest()[:16] if filters else ""
    return f"urn:forgeglass:changes:{quote(epoch, safe='')}" + (f":{chosen}" if chosen else "")


def _address(path: str, pairs: Pairs) -> str:
    return f"{path}?{urlencode(pairs, safe=':')}" if pairs else path
