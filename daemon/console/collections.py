"""A collection's pages: its table, an entry, and what belongs to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiohttp import web

from cache.profile.collection import Collection
from cache.queries import entries
from cache.queries.paging import ask
from daemon.console import cells, controls, parts, pulls, reading, revisions
from daemon.console.addresses import ROOT, ForgePages, found, key_of
from daemon.console.lists import MENDING
from daemon.console.page import Pages
from daemon.console.problems import Absent
from daemon.console.views import KeyView

NEWEST = "-updated_at"


async def address(pages: Pages) -> web.StreamResponse:
    """`BLOCK/COLLECTION`, `BLOCK/COLLECTION/KEY`, or what belongs to a key; slashes of a key are written %2F."""
    segments = [key_of(one) for one in pages.request.rel_url.raw_path.removeprefix(f"{ROOT}/c/").split("/")]
    collection = found(pages.context.api.blocks(), *segments[:2]) if len(segments) > 1 else None
    if collection is None:
        raise Absent("No profile has a collection of this name.")
    match segments[2:]:
        case []:
            return await _table(pages, collection)
        case [key]:
            return await _entry(pages, collection, key)
        case [key, "proposals", owner, name, number]:
            return await pulls.proposal(pages, collection, key, f"{owner}/{name}", number)
        case [key, part] if part in parts.OF_ENTRY:
            return await parts.of_entry(pages, collection, key, part)
        case [key, "revisions", *names] if collection.revisions is not None:
            return await _revisions(pages, collection, key, names)
        case _:
            raise Absent("There is no page at this address.")


async def _revisions(pages: Pages, collection: Collection, key: str, names: Sequence[str]) -> web.StreamResponse:
    match names:
        case []:
            return await revisions.listed(pages, collection, key)
        case [name]:
            return await revisions.single(pages, collection, key, name)
        case [before, "diff", after]:
            return await revisions.differing(pages, collection, key, (before, after))
        case _:
            raise Absent("There is no page at this address.")


async def _table(pages: Pages, collection: Collection) -> web.StreamResponse:
    columns = entries.columns(collection, pages.viewer)
    pairs = [(name, value) for name, value in pages.pairs if name != "q" or value.strip()]
    question = ask(pairs, columns, sort=NEWEST, others=("q",))
    pill = controls.pill_field(collection)
    q = pages.query.get("q", "").strip()
    view = await reading.collection_view(
        pages.context.api, pages.viewer, collection, question, q or None, pill.name if pill is not None else None
    )
    made = controls.controls(collection, pages.query)
    own = {one.name for one in made}
    return await pages.answer(
        "collection.html",
        title=collection.title or collection.name,
        fresh=view.fresh,
        shown=view,
        collection=collection,
        pill=pill,
        controls=made,
        others=_others(pages.query, own),
        columns=cells.columns(collection, pill),
        cell=lambda field, item: cells.cell(field, item.fields.get(field.name), collection, pages.here, pages.forge),
        sort=question.sort,
        sortable={name for name, column in columns.items() if column.sortable},
        narrowed=bool(own & set(pages.query)) or bool(q),
        news=_of(collection),
    )


def _of(collection: Collection) -> tuple[tuple[str, str], ...]:
    return ("block", collection.block), ("collection", collection.name)


def _others(query: Mapping[str, str], own: set[str]) -> dict[str, str]:
    """What an address asks besides the controls: it stays when they change, but for the place in the list."""
    return {name: value for name, value in query.items() if name not in own and name not in ("q", "cursor", "sort")}


async def _entry(pages: Pages, collection: Collection, key: str) -> web.StreamResponse:
    view = await reading.entry_view(pages.context.api, pages.viewer, collection, key)
    if view is None:
        raise Absent(f"{collection.title or collection.name} has no entry {key[:200]!r}.")
    folder = f"{pages.here.page}/revisions"
    news = (*_of(collection), ("key", key))
    if isinstance(view, KeyView):
        return await pages.answer(
            "keyed.html",
            title=key,
            fresh=view.fresh,
            shown=view,
            collection=collection,
            key=key,
            would=pulls.listed(pages, view.proposed.items),
            mending=MENDING,
            revisions=folder,
            news=news,
        )
    item = view.item
    renderer = pages.context.renderer
    body = await renderer.rendered(item.body, _beside(item, pages.forge)) if item.body else None
    pill = controls.pill_field(collection)
    return await pages.answer(
        "entry.html",
        title=item.title or key,
        fresh=view.fresh,
        shown=view,
        item=item,
        collection=collection,
        body=body,
        state=cells.cell(pill, item.fields.get(pill.name), collection, pages.here, pages.forge) if pill else None,
        lines=cells.lines(collection, item.fields, pages.here, pages.forge),
        mending=MENDING,
        would=pulls.listed(pages, view.proposed.items),
        revisions=folder,
        news=news,
    )


def _beside(item: entries.EntryItem, forge: ForgePages) -> str:
    """The folder on the forge that relative links of an entry's text begin at."""
    if item.document_repository is not None and item.document_commit is not None:
        return forge.folder(item.document_repository, item.document_commit, item.document_path or "")
    return forge.folder(item.repository, item.commit, item.path)
