"""Pages with all of what an entry's or a pull request's own page shows the first of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from cache.profile.collection import Collection
from cache.queries import branches, history, proposals, revisions
from cache.queries.paging import Question
from daemon.console import pulls, reading_parts
from daemon.console.addresses import key_of
from daemon.console.page import Pages
from daemon.console.problems import Absent
from daemon.console.pulls import number_of
from daemon.console.reading_parts import PartView

OF_ENTRY = {"branches": branches.SORT, "history": history.SORT, "proposals": proposals.SORT}
"""What belongs to an entry and has a page of its own, each with its order."""
OF_PULL = {"proposals": "block", "revisions": revisions.SORT_OF_PULL}
"""What belongs to a pull request."""
TITLES = {
    "branches": "Branches", "history": "History", "proposals": "Proposed", "revisions": "Revisions",
}  # fmt: skip

Crumb = tuple[str, str]


async def of_entry(pages: Pages, collection: Collection, key: str, part: str) -> web.StreamResponse:
    """A page of what belongs to an entry."""
    question = _question(pages, OF_ENTRY[part])
    view = await reading_parts.of_entry(pages.context.api, pages.viewer, collection, key, part, question)
    if view is None:
        raise Absent(f"{collection.title or collection.name} has no entry {key[:200]!r}.")
    crumbs = [
        (pages.here.collection(collection.block, collection.name), collection.title or collection.name),
        (pages.here.entry(collection.block, collection.name, key), key),
    ]
    news = [("block", collection.block), ("collection", collection.name), ("key", key)]
    return await _answer(pages, part, view, crumbs, news)


async def of_pull(pages: Pages) -> web.StreamResponse:
    """A page of what belongs to a pull request."""
    owner, name, number, part = (key_of(one) for one in pages.request.rel_url.raw_path.split("/")[-4:])
    if part not in OF_PULL:
        raise Absent("There is no page at this address.")
    full_name, whole = f"{owner}/{name}", number_of(number)
    question = _question(pages, OF_PULL[part])
    view = (
        await reading_parts.of_pull(pages.context.api, pages.viewer, full_name, whole, part, question)
        if whole is not None else None
    )  # fmt: skip
    if view is None or whole is None:
        raise Absent(f"There is no pull request {number[:20]!r} of {full_name[:200]!r} here.")
    crumbs = [
        (pages.here.to("pulls"), "Pull requests"),
        (pages.here.pull(full_name, whole), f"{full_name}#{whole}"),
    ]
    return await _answer(pages, part, view, crumbs, [("number", str(whole))])


def _question(pages: Pages, sort: str) -> Question:
    return Question((), sort, cursor=pages.query.get("cursor"))


async def _answer(
    pages: Pages, part: str, view: PartView, crumbs: Sequence[Crumb], news: Sequence[tuple[str, str]]
) -> web.Response:
    items: Sequence[Any] = pulls.listed(pages, view.items) if part == "proposals" else view.items
    return await pages.answer(
        "part.html", title=TITLES[part], fresh=view.fresh, part=part, items=items, next=view.next, crumbs=crumbs,
        of_pull=crumbs[0][1] == "Pull requests", news=news,
    )  # fmt: skip
