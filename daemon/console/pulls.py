"""Pages about pull requests: those that wait, one of them, and what one would make of an entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from aiohttp import web
from msgspec import Struct

from cache.profile.collection import Collection
from cache.queries import pulls as pull_queries
from cache.queries.errors import QueryError
from cache.queries.paging import ask
from cache.queries.proposed import Proposed
from daemon.console import cells, reading, texts
from daemon.console.addresses import found, key_of
from daemon.console.page import Pages
from daemon.console.problems import Absent

WAITING_SORT = "opened_at"
"""What waits longest comes first."""
FIELDS_LISTED = 6
"""Fields that are told of each entry in a list."""


class Would(Struct, frozen=True):
    """What would become of an entry: in a list only some of the fields that differ, with `more` beside them."""

    proposed: Proposed
    fields: tuple[cells.Changed, ...]
    more: int
    address: str


async def waiting(pages: Pages) -> web.StreamResponse:
    """Pull requests: those that wait, unless the address says which."""
    query = pages.query
    pairs = list(pages.pairs)
    if "state" not in query:
        pairs += [("state", "open"), ("gone", "false")]
    elif query["state"] == "any":
        pairs.remove(("state", "any"))
    sort = WAITING_SORT if "state" not in query else pull_queries.SORT
    question = ask(pairs, pull_queries.columns(pages.viewer), sort=sort)
    view = await reading.pulls_view(pages.context.api, pages.viewer, question)
    told = {place: (listed(pages, one.first), one.number) for place, one in view.proposed.items()}
    news = [("kind", "pull"), ("kind", "proposal")]
    return await pages.answer("pulls.html", title="Pull requests", fresh=view.fresh, shown=view, would=told, news=news)


async def single(pages: Pages) -> web.StreamResponse:
    """One pull request: what it would change, and the revisions that it brought."""
    segments = pages.request.rel_url.raw_path.split("/")[-3:]
    full_name, number = f"{key_of(segments[0])}/{key_of(segments[1])}", number_of(segments[2])
    view = await reading.pull_view(pages.context.api, pages.viewer, full_name, number) if number is not None else None
    if view is None:
        raise Absent(f"There is no pull request {key_of(segments[2])[:20]!r} of {full_name[:200]!r} here.")
    item = view.item
    folder = pages.forge.folder(item.repository, item.head_sha)
    text = await pages.context.renderer.rendered(item.description, folder) if item.description else None
    return await pages.answer(
        "pull.html",
        title=item.title or "untitled",
        fresh=view.fresh,
        shown=view,
        item=item,
        text=text,
        would=listed(pages, view.proposed.first),
        news=[("number", str(item.number))],
    )


async def proposal(
    pages: Pages, collection: Collection, key: str, full_name: str, segment: str
) -> web.StreamResponse:
    """What a pull request would make of an entry: its fields, and its text as it would be or as it differs."""
    number = number_of(segment)
    view = (
        await reading.proposal_view(pages.context.api, pages.viewer, collection, key, full_name, number)
        if number is not None else None
    )  # fmt: skip
    if view is None:
        raise Absent(f"The pull request {segment[:20]!r} of {full_name[:200]!r} proposes nothing about {key[:200]!r}.")
    shown, item = view.proposed, view.proposed.item
    choices = ("rendered", "text", "unified", "beside")
    said = pages.query.get("as", "unified" if shown.rewritten and shown.body_now is not None else "rendered")
    if said not in choices:
        raise QueryError("bad-value", f"as is {said[:100]!r}; it can be {', '.join(choices)}", "as")
    body = item.body or ""
    prose = difference = None
    if said == "rendered" and body:
        folder = pages.forge.folder(item.repository, item.head_sha, item.path)
        prose = await pages.context.renderer.rendered(body, folder)
    elif said in ("unified", "beside"):
        # of one that would be taken away its text would be, too
        after = "" if item.change == "removed" else body
        difference = await pages.context.api.comparing.run(
            shown.body_now or "", after, partial(texts.difference, beside=said == "beside", whole=False)
        )
    return await pages.answer(
        "proposal.html",
        title=item.title or key,
        fresh=view.fresh,
        shown=shown,
        item=item,
        collection=collection,
        key=key,
        how=said,
        body=body,
        prose=prose,
        found=difference,
        numbered=texts.numbered(body),
        plain=texts.plain,
        fields=_fields(pages, collection, shown),
        lines=cells.lines(collection, item.fields, pages.here, pages.forge),
        news=[("block", collection.block), ("collection", collection.name), ("key", key)],
    )


def listed(pages: Pages, proposals: Iterable[Proposed]) -> tuple[Would, ...]:
    """Proposals as a list tells them."""
    return tuple(_would(pages, one) for one in proposals)


def _would(pages: Pages, proposed: Proposed) -> Would:
    item = proposed.item
    fields = _fields(pages, found(pages.context.api.blocks(), item.block, item.collection), proposed)
    told = tuple(
        cells.Changed(one.name, cells.brief(one.before), cells.brief(one.after)) for one in fields[:FIELDS_LISTED]
    )
    address = (
        pages.here.proposal(item.block, item.collection, item.key, item.repository, item.number)
        if item.repository is not None else ""
    )  # fmt: skip
    return Would(proposed, told, len(fields) - len(told), address)


def _fields(pages: Pages, collection: Collection | None, proposed: Proposed) -> list[cells.Changed]:
    """The fields that would have other values; none of an entry that would go, or of a document's change."""
    item = proposed.item
    if item.change == "removed" or item.part == "document":
        return []
    now: Mapping[str, Any] = proposed.fields_now or {}
    return cells.changes(collection, now, item.fields, pages.here, pages.forge)


def number_of(segment: str) -> int | None:
    """The number that a segment of an address stands for; None where it is none."""
    return int(segment) if segment.isascii() and segment.isdecimal() and len(segment) < 19 else None
