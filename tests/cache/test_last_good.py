"""The last good version is served when the newest is bad, whether it was read live, step by step, or all at once.

These go through the reader's own way from an object store to evidence; only Git is made up.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import LINK, Forge, Hub, Told, rfc

from cache.model import Blob, Commit, RepositoryEvidence
from cache.projection.project import project
from cache.projection.reach import Interest
from cache.rows import PROJECTED, EntryRow
from cache.world import World, evidence_rows, world_of
from daemon import loading
from daemon.failing.read_errors import ReadErrors
from daemon.work.scope import Scope
from gitea_client.history import Changes
from gitea_client.objects import ObjectStore

GOOD: list[str | bytes] = [rfc("Good"), rfc("Better", "active", repo="acme/one"), rfc("Best")]
BAD: list[str | bytes] = [b"\xff", "---\nbroken: [\n---\n", rfc("X", "banana")]
LINES = ['{"id": "a", "action_kind": "x", "repo": "acme/one"}', "rubbish", '{"id": "b"}']
PATHS = ["rfcs/a.md", "rfcs/b.md", "audit/2026-01.jsonl"]


class MadeUpStore:
    """An object store with what a hub has; counts the rounds in which blobs are asked for."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.rounds: list[set[str]] = []

    async def blobs(self, ids: Iterable[str], *, max_bytes: int) -> Mapping[str, Blob]:
        asked = set(ids)
        self.rounds.append(asked)
        return {key: blob for key, blob in self.hub.blobs.items() if key in asked}

    async def sizes(self, ids: Iterable[str]) -> Mapping[str, int]:
        return {key: len(self.hub.blobs[key].content or b"") for key in ids if key in self.hub.blobs}

    async def commits(self, ids: Iterable[str]) -> Mapping[str, Commit]:
        return {sha: self.hub.commits[sha] for sha in ids}

    async def changes(
        self, tip: str, *, after: str | None, wanted: Callable[[str], bool], start_position: int = 0, **_: object
    ) -> Changes:
        every = [v for changes in self.hub.versions.values() for v in changes]
        return Changes(
            [v for v in sorted(every, key=lambda v: v.position) if v.position >= start_position and wanted(v.path)],
            self.hub.position,
            rewound=False,
        )


@pytest.fixture(autouse=True)
def _made_up_git(monkeypatch: pytest.MonkeyPatch) -> None:
    async def changes(store: Any, tip: str, **more: Any) -> Changes:
        return await cast("MadeUpStore", store).changes(tip, **more)

    monkeypatch.setattr(loading, "first_parent_changes", changes)


def read(forge: Forge, hub: Hub, known: RepositoryEvidence | None) -> tuple[RepositoryEvidence, MadeUpStore]:
    """One look at a hub, from what was known of it."""
    interest = Interest(tuple(c.pattern for b in forge.blocks for c in b.collections))
    bare = hub.evidence(Interest())
    evidence = RepositoryEvidence(
        bare.repository, interest.depth, interest.canonical, branches=bare.branches, pull_heads=bare.pull_heads
    )
    store = MadeUpStore(hub)
    errors = ReadErrors(evidence.repository, known, Scope(), Counter())
    load = loading.load(
        cast("ObjectStore", store), evidence, known, interest, forge.blocks, 1 << 20, {}, None, errors
    )
    return asyncio.run(load), store


def rows_of(forge: Forge, evidence: RepositoryEvidence) -> Told:
    return Told(project(World({}).with_evidence(evidence), forge.blocks))


def start() -> tuple[Forge, Hub]:
    forge = Forge()
    return forge, forge.repository("acme/meta")


PUSHES = st.lists(
    st.tuples(
        st.dictionaries(
            st.sampled_from(PATHS),
            st.none() | st.sampled_from(GOOD + BAD) | st.lists(st.sampled_from(LINES)).map("\n".join),
            min_size=1,
            max_size=3,
        ),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@given(PUSHES)
def test_live_and_fresh_evidence_give_the_same_rows(pushes: Sequence[tuple[dict[str, Any], bool, bool]]) -> None:
    """Guards: a live cache that serves a version which a rebuild does not find, or the other way round."""
    forge, hub = start()
    live: RepositoryEvidence | None = None
    for files, linked, look in pushes:
        there = {p: c for p, c in files.items() if c is not None or (hub.versions.get(p) and hub.versions[p][-1].blob)}
        hub.push(there, mode=LINK if linked else "100644")
        if look:
            live, _ = read(forge, hub, live)
            restarted = World({}).with_evidence(live)
            live = world_of(evidence_rows(restarted), restarted.tombstones).mirrored[hub.id]
    live, _ = read(forge, hub, live)
    fresh, _ = read(forge, hub, None)
    everything = hub.evidence(Interest(tuple(c.pattern for b in forge.blocks for c in b.collections)))
    rows = rows_of(forge, fresh).rows
    for kind in PROJECTED:
        assert rows_of(forge, live).rows[kind] == rows[kind]
        assert rows_of(forge, everything).rows[kind] == rows[kind]


def test_older_versions_are_loaded_in_growing_rounds_and_only_those_down_to_the_good_one_are_kept() -> None:
    """Guards: a file that was bad through thousands of versions costing a run of git for each."""
    forge, hub = start()
    for content in [GOOD[0], GOOD[1], BAD[0], BAD[1]]:
        hub.push({"rfcs/a.md": content})
    evidence, store = read(forge, hub, None)
    assert [len(asked) for asked in store.rounds] == [1, 3]
    assert len(evidence.blobs) == 3
    assert rows_of(forge, evidence).entry("a").title == "Better"


def test_nothing_is_loaded_again_for_files_that_did_not_change() -> None:
    """Cost follows change."""
    forge, hub = start()
    hub.push({"rfcs/a.md": GOOD[0], "rfcs/b.md": GOOD[1]})
    first, _ = read(forge, hub, None)
    hub.push({"rfcs/b.md": GOOD[2]})
    second, store = read(forge, hub, first)
    assert [len(asked) for asked in store.rounds] == [1]
    assert second.versions["rfcs/a.md"] is first.versions["rfcs/a.md"]
    third, store = read(forge, hub, second)
    assert store.rounds == []
    assert third.versions is second.versions
    assert third.blobs is second.blobs


def test_a_bad_version_that_comes_live_leaves_the_entry_with_what_was_good() -> None:
    forge, hub = start()
    hub.push({"rfcs/a.md": GOOD[0]})
    first, _ = read(forge, hub, None)
    hub.push({"rfcs/a.md": BAD[1]})
    second, _ = read(forge, hub, first)
    entry = rows_of(forge, second).entry("a")
    assert (entry.title, entry.valid) == ("Good", False)
    hub.push({"rfcs/a.md": None})
    third, _ = read(forge, hub, second)
    assert rows_of(forge, third).all(EntryRow) == []


def test_a_file_too_large_to_load_counts_as_bad() -> None:
    forge, hub = start()
    hub.push({"rfcs/a.md": GOOD[0]})
    hub.push({"rfcs/a.md": GOOD[1]}, readable=False)
    evidence, _ = read(forge, hub, None)
    assert rows_of(forge, evidence).entry("a").title == "Good"
    assert rows_of(forge, evidence).finding("unreadable-object").path == "rfcs/a.md"
