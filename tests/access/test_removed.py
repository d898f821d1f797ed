"""The proof: a viewer is answered what everybody is answered by a cache in which nothing hidden ever was.

Two caches live through the same turns, one whole and one without the hidden repositories (`removing`). Whatever is
asked of the whole one by the viewer, and of the other by one who sees all, has one answer, but for sequence numbers,
which all readers share.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
from api_cache import cached
from api_rows import (
    DAY,
    EPOCH,
    branch,
    change,
    entry,
    finding,
    look,
    proposal,
    pull,
    repository,
    revision,
    sha,
)
from api_server import Cache, Client, serve
from examples import examples
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from removing import removed

from cache.diff import changes
from cache.revision_rows import RevisionRow
from cache.rows import EntryRow, OwnerRow, PullEntryRow, Row, tabulate
from cache.viewer import PUBLIC, Viewer, scoped
from daemon.api.access import Access, Asked
from daemon.api.credentials import Credentials

NAMES = ("acme/meta", "acme/alpha", "other/beta", "other/gamma")
IDS = (1, 2, 3, 4)
KEYS = ("a", "b", "c")
WORDS = ("apple", "pear", "plum")
HOMES = {"a": 1, "b": 2, "c": 3}
"""An entry's file stays in its repository: one that moved would have been made anew, not changed."""


class As(Access):
    """Everybody is this viewer."""

    def __init__(self, viewer: Viewer) -> None:
        super().__init__(None, lambda: EPOCH)
        self._viewer = viewer

    async def asked(self, brought: Credentials) -> Asked:
        return Asked(self._viewer)


@st.composite
def entries(draw: st.DrawFn, key: str) -> Row:
    words = st.sampled_from(WORDS)
    days = st.integers(0, 5)
    own, at = draw(words), EPOCH + draw(days) * DAY
    values: dict[str, Any] = {"body": own, "updated_at": at}
    if (document := draw(st.sampled_from((None, *IDS)))) is not None:
        written, text = EPOCH + draw(days) * DAY, draw(words)
        values = {
            "body": text, "document_body": text, "document_repository_id": document, "document_path": "RFC.md",
            "document_sha": sha(draw(days)), "document_commit": sha(draw(days)), "document_commit_at": written,
            "updated_at": max(at, written),
        }  # fmt: skip
    if (home := draw(st.sampled_from((None, *IDS)))) is not None:
        values |= {"home_repository_id": home, "last_main_commit_at": EPOCH + draw(days) * DAY}
    return entry(key, at=at, repository_id=HOMES[key], entry_body=own, fields={"title": draw(words)}, **values)


def states() -> st.SearchStrategy[list[Row]]:
    """All rows of a moment; each is there or not, and says one thing or another."""

    def maybe(row: st.SearchStrategy[Row]) -> st.SearchStrategy[list[Row]]:
        return st.one_of(st.just([]), row.map(lambda one: [one]))

    keys, days = st.sampled_from((*KEYS, "d")), st.integers(0, 3)
    found = [
        *(maybe(entries(key)) for key in KEYS),
        *(
            maybe(st.builds(lambda key, day, n=n, i=i: replace(branch(key, f"b{n}", sha=sha(day)), repository_id=i),
                            keys, days))
            for n, i in ((0, 1), (1, 2), (2, 3), (3, 4))
        ),
        *(
            maybe(st.builds(lambda state, title, i=i: pull(1, i, state=state, title=title),
                            st.sampled_from(("open", "closed")), st.sampled_from(WORDS)))
            for i in IDS
        ),
        *(
            maybe(
                st.builds(
                    lambda key, source, evidence, i=i: PullEntryRow(
                        i, 1, "rfc", "rfcs", key, "idea", "ada", source, evidence
                    ),
                    keys, st.sampled_from(("opener", "audit")), keys,
                )
            )
            for i in IDS
        ),
        *(
            maybe(st.builds(lambda key, i, day, n=n: finding(f"f{n} {key} {i}", key=key, repository_id=i,
                                                             message=f"{day}"),
                            st.one_of(st.none(), keys), st.sampled_from((None, *IDS)), days))
            for n in range(3)
        ),
        *(
            maybe(st.builds(lambda key, i, day, state, n=n: _revision(n, key, i, day, state),
                            keys, st.sampled_from(IDS), days, st.sampled_from(("open", "merged"))))
            for n in (1, 2, 3)
        ),
        *(
            maybe(st.builds(lambda key, change, title, i=i: proposal(key, change, repository_id=i, title=title),
                            keys, st.sampled_from(("added", "changed")), st.sampled_from(WORDS)))
            for i in IDS
        ),
        *(
            maybe(st.builds(lambda i, day, n=n, part=part: _history(n, part, i, day), st.sampled_from(IDS), days))
            for n, part in ((0, "entry"), (1, "document"))
        ),
    ]  # fmt: skip
    return st.tuples(*found).map(lambda groups: _consistent([row for group in groups for row in group]))


def _consistent(rows: list[Row]) -> list[Row]:
    """The rows without those that carry the key of an entry that is not there: a projection makes none for it, but
    for revisions, which outlive it. Nobody has made `d` an entry yet."""
    there = {row.key for row in rows if isinstance(row, EntryRow)}
    return [row for row in rows if isinstance(row, RevisionRow) or getattr(row, "key", None) in (None, "d", *there)]


def _revision(version: int, key: str, repository_id: int, day: int, state: str) -> Row:
    """One whose pull request is in any of the repositories, of an entry that stays in its own."""
    merged_at = EPOCH + day * DAY if state == "merged" else None
    return revision(
        version, key, repository_id=repository_id, entry_repository_id=HOMES.get(key, 4), pr_state=state,
        merged_at=merged_at, pr_branch=f"day-{day}",
    )  # fmt: skip


def _history(position: int, part: str, repository_id: int, day: int) -> Row:
    here = HOMES["a"] if part == "entry" else repository_id
    return replace(change(position, part, repository_id=here, subject=f"{day}"), key="a")


GENERATE = (Phase.explicit, Phase.reuse, Phase.generate)
"""Not made smaller: that would take minutes, and the difference alone says which query it is."""
privacies = st.tuples(*(st.booleans() for _ in IDS))
viewers = st.one_of(
    st.just(PUBLIC),
    st.builds(scoped, st.sets(st.sampled_from(("acme", "other"))), st.sets(st.sampled_from(NAMES))),
)

REVISED = (
    "", "?pr_state=merged", "?sort=merged_at", "/1", "/2", "/latest-merged", "/1/diff/2", "/2/diff/head",
)  # fmt: skip
QUESTIONS = (
    "/rfcs", "/rfcs?include=body", "/rfcs?sort=-updated_at", "/rfcs?sort=last_main_commit_at", "/rfcs?limit=1",
    "/rfcs?sort=-home_repository", "/rfcs?home_repository=acme/alpha", "/rfcs?updated_at__gte=2026-01-03",
    "/rfcs?last_main_commit_at__isnull=false",
    *(f"/rfcs?q={word}&include=body" for word in (*WORDS, "pl")),
    *(f"/rfcs/{key}{part}" for key in KEYS for part in ("", "/branches", "/pulls", "/history")),
    *(f"/rfcs/{key}/revisions{part}" for key in (*KEYS, "d") for part in REVISED),
    "/proposals", "/proposals?include=body", "/proposals?actor=ada", "/proposals?limit=1",
    *(f"/pulls/{name}/1" for name in NAMES),
    "/pulls", "/pulls?key=a", "/pulls?actor=ada", "/pulls?actor_source=audit", "/pulls?limit=1",
    "/findings", "/findings?key=b",
    "/repositories", *(f"/repositories/{name}" for name in NAMES),
    "/changes?limit=200", "/changes?last=200", "/changes?key=a&limit=200", "/changes?repository=acme/alpha&limit=200",
    "/changes?kind=pull&limit=200",
)  # fmt: skip


@settings(
    max_examples=examples(10, 300), deadline=None, phases=GENERATE,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(st.lists(states(), min_size=1, max_size=3), privacies, viewers)
async def test_what_is_hidden_might_as_well_not_be_there(
    turns: list[list[Row]], privacy: tuple[bool, ...], viewer: Viewer
) -> None:
    standing: list[Row] = [
        *(repository(i, name, private=hidden) for i, name, hidden in zip(IDS, NAMES, privacy, strict=True)),
        *(look(i) for i in IDS),
        OwnerRow("acme", 1, True, swept_at=EPOCH),
    ]
    moments = [[*standing, *turn] for turn in turns]
    assume(any(removed(rows, viewer) != rows for rows in moments))  # else both caches are one
    async with AsyncExitStack() as stack:
        whole, without = [await stack.enter_async_context(cached()) for _ in range(2)]
        for rows in moments:
            await follow(whole, rows)
            await follow(without, removed(rows, viewer))
        one = await stack.enter_async_context(asking(whole, viewer))
        other = await stack.enter_async_context(asking(without, Viewer(private=True)))
        for question in QUESTIONS:
            told, wanted = await answer(one, question), await answer(other, question)
            assert told == wanted, (viewer, question, _differing(told, wanted))


def _differing(told: Any, wanted: Any) -> Any:
    """The items of two lists that are in one of them alone."""
    one, other = (body.get("items", [body]) for _, body in (told, wanted))
    return [item for item in one if item not in other], [item for item in other if item not in one]


async def follow(cache: Cache, rows: Sequence[Row]) -> None:
    """Bring a cache to hold just these rows, as a turn of the book does."""
    kinds = {type(row) for row in rows} | set(cache.places)
    after = tabulate(rows, kinds)
    made = changes({kind: dict(cache.places.get(kind, {})) for kind in kinds}, after)
    cache.places.update(after)
    await cache.store.apply(made, at=EPOCH, rows=cache.places)


@asynccontextmanager
async def asking(cache: Cache, viewer: Viewer) -> AsyncIterator[Client]:
    async for server in serve(cache.context(access=As(viewer))):
        async with aiohttp.ClientSession() as session:
            yield Client(session, server.root)


async def answer(client: Client, question: str) -> Any:
    """The status and body of an answer, without what all readers share, and without what hangs on it."""
    async with client.session.get(f"{client.root}/api/v1{question}") as response:
        body = await response.json(content_type=None)
        return response.status, plain(body)


SHARED = {"sequence", "position", "next", "epoch"}


def plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items() if name not in SHARED or _cursor(name, one)}
    return [plain(one) for one in value if not _unplaced(one)] if isinstance(value, list) else value


def _unplaced(one: Any) -> bool:
    """A change of a pull request without a place. Of one whose place is hidden, /pulls tells, and the feed does not."""
    return isinstance(one, Mapping) and one.get("kind") == "pull" and "number" in one and one.get("block") is None


def _cursor(name: str, value: Any) -> bool:
    """A list's cursor holds no sequence: it must be the same; a position of the feed is one."""
    return name == "next" and (value is None or re.fullmatch(r"[^:]+:[0-9]+", value) is None)


