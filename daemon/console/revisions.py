"""Pages about what an entry said when pull requests were raised: the list, one revision, what differs between two."""

from __future__ import annotations

from functools import partial
from typing import Final

from aiohttp import web

from cache.profile.collection import Collection
from cache.profile.rules import RULES
from cache.queries.comparing import Side
from cache.queries.errors import QueryError
from cache.queries.revisions import HEAD, LATEST_MERGED, Neighbours, Revision, RevisionItem
from daemon.console import cells, reading, texts
from daemon.console.addresses import Here
from daemon.console.made_up import made_up
from daemon.console.page import HEADERS, Pages
from daemon.console.problems import Absent

INSIDE, MORE = "revisions-inside", "revisions-more"
"""Parts of an entry's page that ask for rows alone: the folder, and what stands below its last row."""
GONE = RULES["revision-content-gone"]

WHY_NONE: Final = {
    "removed": "The pull request takes the file away: at its first head that touches it there is no text.",
    "not_text": "What stood there is no text: it is not UTF-8, or holds a NUL.",
    "not_a_file": "What stood there is no file, but a symbolic link or a submodule.",
    "too_large": "What stood there is larger than what is kept of a file.",
    "gone": "Nobody can tell any more what stood there: the forge does not give the head that the pull request had.",
}
"""Why a revision has no text."""


async def listed(pages: Pages, collection: Collection, key: str) -> web.StreamResponse:
    """The revisions of a key, the newest first: a page, or the rows alone for the folder on the entry's page."""
    view = await reading.revisions_view(pages.context.api, pages.viewer, collection, key, pages.query.get("cursor"))
    if view is None:
        raise Absent(f"{collection.title or collection.name} has neither an entry nor a revision {key[:200]!r}.")
    part = pages.request.headers.get("HX-Target", "")
    inside = part in (INSIDE, MORE)
    if inside:  # addresses are taken from the page that the rows come into
        pages.here = Here.of(pages.request.rel_url.raw_path.rpartition("/")[0])
    response = await pages.answer(
        "versions.html" if inside else "versions_page.html",
        title="Revisions",
        fresh=view.fresh,
        shown=view,
        collection=collection,
        key=key,
        part=part if inside else "",
        address=pages.here.entry(collection.block, collection.name, key, "revisions"),
        called=lambda item: file_name(collection, item),
        news=_news(collection, key),
    )
    response.headers["Vary"] = f"{HEADERS['Vary']}, HX-Target"
    return response


async def single(pages: Pages, collection: Collection, key: str, name: str) -> web.StreamResponse:
    """One revision: as it stands, or with `as=rendered` made up; with `text=merged` what was merged of it."""
    rendered = _choice(pages, "as", ("text", "rendered")) == "rendered"
    merged = _choice(pages, "text", ("raised", "merged")) == "merged"
    view = await reading.revision_view(pages.context.api, pages.viewer, collection, key, name)
    item = view.item
    text = item.merged_content if merged else item.content
    read = made_up(collection, item, text) if text is not None and rendered else None
    # by the rule `field` the pull request's repository may be another than the entry's
    folder = pages.forge.folder(item.repository, item.head_sha, item.path) if item.rule != "field" else ""
    body = await pages.context.renderer.rendered(read.body, folder) if read else None
    fields = read.fields if read is not None and read.fields is not None else {}
    return await pages.answer(
        "revision.html",
        title=file_name(collection, item),
        fresh=view.fresh,
        shown=view,
        item=item,
        collection=collection,
        key=key,
        text=text,
        why="There is no text as merged." if merged else WHY_NONE.get(item.content_state, ""),
        gone=GONE,
        merged=merged,
        rendered=rendered,
        read=read,
        body=body,
        lines=cells.lines(collection, dict(fields), pages.here, pages.forge),
        numbered=texts.numbered(text) if text is not None else None,
        plain=texts.plain,
        diffs=_diffs(item, view.around, entry=view.entry),
        news=_news(collection, key),
    )


async def differing(pages: Pages, collection: Collection, key: str, names: tuple[str, str]) -> web.StreamResponse:
    """What differs between two texts: one below the other, or with `as=beside` beside each other."""
    beside = _choice(pages, "as", ("unified", "beside")) == "beside"
    whole = _choice(pages, "all", ("no", "yes")) == "yes"
    view = await reading.diff_view(pages.context.api, pages.viewer, collection, key, names)
    found = await pages.context.api.comparing.run(
        view.before.text, view.after.text, partial(texts.difference, beside=beside, whole=whole)
    )
    return await pages.answer(
        "diff.html",
        title=f"{_side_name(view.before)} → {_side_name(view.after)}",
        fresh=view.fresh,
        shown=view,
        collection=collection,
        key=key,
        names=names,
        sides=[(_side_name(one), _told(one), _page_of(pages.here, collection, key, one))
               for one in (view.before, view.after)],
        found=found,
        beside=beside,
        whole=whole,
        news=_news(collection, key),
    )


def file_name(collection: Collection, item: RevisionItem) -> str:
    """How a revision is called: `v3.md`."""
    return f"v{item.version}.{collection.format if item.part == 'entry' and item.rule != 'field' else 'md'}"


def _choice(pages: Pages, name: str, choices: tuple[str, ...]) -> str:
    said = pages.query.get(name, choices[0])
    if said not in choices:
        raise QueryError("bad-value", f"{name} is {said[:100]!r}; it can be {' or '.join(choices)}", name)
    return said


def _news(collection: Collection, key: str) -> tuple[tuple[str, str], ...]:
    return ("block", collection.block), ("collection", collection.name), ("key", key)


def _diffs(item: Revision, around: Neighbours, *, entry: bool) -> list[tuple[str, tuple[str, str]]]:
    """What a revision can be held against, as words and the names of two texts, the older one first."""
    own = str(item.version)
    made = []
    if around.before is not None:
        made.append((f"the version before, v{around.before}", (str(around.before), own)))
    if around.merged is not None:
        later = around.merged >= item.version
        names = (own, LATEST_MERGED) if later else (LATEST_MERGED, own)
        same = around.merged == item.version
        made.append(("what was merged of it" if same else f"the latest merged, v{around.merged}", names))
    if entry:
        made.append(("the entry as it is now", (own, HEAD)))
    return made


def _side_name(side: Side) -> str:
    return "now" if side.version is None else f"v{side.version}"


def _told(side: Side) -> str:
    return {"now": "the entry as it is now", "merged": "as merged", "raised": "as raised"}[side.told]


def _page_of(here: Here, collection: Collection, key: str, side: Side) -> str:
    if side.version is None:
        return here.entry(collection.block, collection.name, key)
    page = here.revision(collection.block, collection.name, key, side.version)
    return f"{page}?text=merged" if side.told == "merged" else page
