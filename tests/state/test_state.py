"""What `state.db` keeps, and what never changes once it is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError

from cache.feed_state import FeedPosition
from cache.heard import Heard
from cache.installed_hook import InstalledHook, fingerprint
from cache.kept_revisions import KeptRevision
from cache.state import StateStore
from cache.sweep_history import SweepRecord
from cache.tokens import Token
from cache.tombstones import Tombstone

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
HOOK = InstalledHook(3, "acme", "http://127.0.0.1/x", "a1", fingerprint(b"s3cret", "a1"), NOON)


async def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    """Guards the point of the file: it outlives the process and `cache.db`."""
    path = tmp_path / "state.db"
    gone = Tombstone("pull", 7, "12", {"title": "Adé \ud83d", "labels": ["a"]}, NOON)
    async with StateStore.open(path) as state:
        await state.tombstones.put([gone])
        await state.feed.open("e1")
        await state.feed.reserve(3)
        await state.hooks.put(HOOK)
        await state.heard.put([Heard("acme", NOON, 2)])
    async with StateStore.open(path) as state:
        assert await state.tombstones.all() == (gone,)
        assert await state.feed.open("e2") == FeedPosition("e1", 3)
        assert await state.hooks.all() == (HOOK,)
        assert await state.heard.all() == (Heard("acme", NOON, 2),)
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_tombstone_keeps_the_time_it_was_first_missing(state: StateStore) -> None:
    """Guards the digest: seeing the absence again must not move it."""
    branch = Tombstone("branch", 1, "propose/x", {"sha": "a"}, NOON)
    await state.tombstones.put([branch])
    await state.tombstones.put([replace(branch, data={"sha": "b"}, first_missing_at=LATER)])
    assert await state.tombstones.all() == (replace(branch, data={"sha": "b"}),)


async def test_tombstones_are_found_by_kind_and_repository(state: StateStore) -> None:
    """Guards a reconcile of one repository from another's dead branches."""
    some = [
        Tombstone("branch", 1, "x", {}, NOON),
        Tombstone("branch", 2, "x", {}, NOON),
        Tombstone("repository", 2, "", {}, NOON),
    ]
    await state.tombstones.put(some)
    assert await state.tombstones.all(kind="branch") == tuple(some[:2])
    assert await state.tombstones.all(repository_id=2) == tuple(some[1:])
    assert await state.tombstones.remove("branch", 2, "x")
    assert not await state.tombstones.remove("branch", 2, "x")
    assert await state.tombstones.all() == (some[0], some[2])


async def test_sequence_numbers_are_never_given_twice(state: StateStore) -> None:
    """Guards readers: a number used again would hide a change from whoever holds it."""
    await state.feed.open("e")
    assert list(await state.feed.reserve(2)) == [1, 2]
    assert list(await state.feed.reserve(0)) == []
    assert list(await state.feed.reserve(1)) == [3]
    assert await state.feed.reach(10) == FeedPosition("e", 10)
    assert await state.feed.reach(5) == FeedPosition("e", 10), "the mark never falls"
    assert await state.feed.renew("f") == FeedPosition("f", 10)
    assert list(await state.feed.reserve(1)) == [11]


async def test_the_feed_must_be_opened_first(state: StateStore) -> None:
    """Guards against numbers that belong to no epoch."""
    with pytest.raises(RuntimeError, match="no epoch"):
        await state.feed.reserve(1)
    with pytest.raises(ValueError, match="-1"):
        await state.feed.reserve(-1)


REVISION = KeptRevision("rfc", "rfcs", "cold-start", 3, 12, 1, None, None, {"state": "open"})


async def test_a_published_revision_gets_its_content_once_and_for_ever(state: StateStore) -> None:
    """Guards links and frozen texts against a rebuild that reads less, or other, than was read live."""
    await state.revisions.keep([REVISION])
    first = replace(REVISION, content="one", frozen_at=NOON)
    await state.revisions.keep([first])
    await state.revisions.keep([replace(REVISION, version=9, content="two", frozen_at=LATER, data={"state": "merged"})])
    assert await state.revisions.all() == (replace(first, data={"state": "merged"}),)


async def test_two_revisions_of_an_entry_cannot_share_a_version(state: StateStore) -> None:
    """Guards the version number as a name."""
    with pytest.raises(IntegrityError):
        await state.revisions.keep([REVISION, replace(REVISION, number=13)])
    assert await state.revisions.all() == (), "all or none"
    await state.revisions.keep([REVISION, replace(REVISION, number=13, version=2), replace(REVISION, block="b")])
    assert [each.version for each in await state.revisions.all(block="rfc")] == [1, 2]


async def test_sweeps_are_remembered_newest_first_and_pruned_by_kind(state: StateStore) -> None:
    """Guards the rare deep sweep from being pushed out by sixty quiet ones an hour."""
    for number in range(4):
        quiet = SweepRecord("quiet", NOON, LATER, requests_rest=number, errors=("repository 3: HTTP 500",))
        stored = await state.sweeps.add(quiet)
        assert stored == replace(quiet, id=stored.id)
    deep = await state.sweeps.add(SweepRecord("deep", NOON, LATER))
    assert await state.sweeps.prune(2) == 2
    assert [(each.kind, each.requests_rest) for each in await state.sweeps.last(9)] == [
        ("deep", 0), ("quiet", 3), ("quiet", 2),
    ]  # fmt: skip
    assert await state.sweeps.last(kind="deep") == (deep,)


async def test_a_webhook_is_known_by_its_number_with_what_it_was_made_with(state: StateStore) -> None:
    """Guards the one place that knows which secret a webhook signs with: the forge never tells."""
    await state.hooks.put(HOOK)
    moved = replace(HOOK, scope="acme/new", url="https://cache.example.org/", made_at=None)
    other = replace(HOOK, hook_id=4)
    await state.hooks.put(moved)
    await state.hooks.put(other)
    assert await state.hooks.all() == (moved, other)
    assert moved.signs_with(b"s3cret")
    assert not moved.signs_with(b"another")
    assert "s3cret" not in repr(moved)
    await state.hooks.remove([3, 99])
    assert await state.hooks.all() == (other,)


async def test_the_last_sign_of_an_owner_replaces_the_one_before(state: StateStore) -> None:
    """Guards the finding of silence: it counts from the last delivery there was."""
    await state.heard.put([Heard("acme", NOON, 2), Heard("ada", NOON)])
    await state.heard.put([Heard("acme", LATER)])
    await state.heard.put([])
    assert await state.heard.all() == (Heard("acme", LATER), Heard("ada", NOON))


async def test_a_token_is_found_by_its_hash_and_revoked_by_its_name(state: StateStore) -> None:
    """Guards revocation."""
    token = Token("ci", "ab12", NOON, LATER, {"scopes": ["read"]})
    await state.tokens.add(token)
    with pytest.raises(IntegrityError):
        await state.tokens.add(replace(token, hash="cd34"))
    assert await state.tokens.find("ab12") == token
    assert await state.tokens.find("nope") is None
    assert await state.tokens.all() == (token,)
    assert await state.tokens.remove("ci")
    assert not await state.tokens.remove("ci")
    assert await state.tokens.find("ab12") is None
