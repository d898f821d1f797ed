"""What could be read beside an answer: in a cursor, in the names of columns, in what outlived its repository."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from api_rows import entry, finding, place, proposal, pull, repository, revision
from api_server import Cache, Client, Waited, serve
from api_tokens import Kept
from msgspec.structs import replace

from cache.queries import proposed
from cache.viewer import EVERYTHING, PUBLIC, scoped
from daemon.api.access import Access
from daemon.api.credentials import TrustedProxy

HIDDEN = 987654321
"""The id of a repository that is not shown."""


@asynccontextmanager
async def asking(cache: Cache, kept: Kept, *access: Any) -> AsyncIterator[Client]:
    made = Access(kept, lambda: cache.now, *access)
    async for server in serve(cache.context(access=made)):
        async with aiohttp.ClientSession() as session:
            yield Client(session, server.root)
    await made.stop()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def told_after(client: Client, place: str, **query: str) -> list[tuple[str, str, list[str]]]:
    items = (await client.get("/changes", after=place, **query))["items"]
    return [(one["operation"], one["key"] or one["name"], one["columns"]) for one in items]


async def end(client: Client) -> str:
    return str((await client.get("/changes?last=1"))["next"])


async def test_a_cursor_holds_nothing_of_a_hidden_pull_request(cache: Cache) -> None:
    """Guards: the id of the repository that a revision's pull request is in, readable in the cursor after it."""
    of = {"rule": "field", "pr_state": "merged", "pr_url": "https://forge.example/acme/secret/pulls/1", "number": 1}
    await cache.put(
        repository(HIDDEN, "acme/secret", private=True), repository(HIDDEN + 1, "acme/secret2", private=True),
        *(revision(version, repository_id=HIDDEN + version % 2, **of) for version in (1, 2)),
    )  # fmt: skip
    async with asking(cache, Kept()) as client:
        for sort in ("-version", "pr_state", "number", "repository", "merged_at"):
            page = await client.get("/rfcs/alpha/revisions", limit="1", sort=sort)
            said = base64.urlsafe_b64decode(page["next"] + "==")
            assert str(HIDDEN)[:-1].encode() not in said, sort
            rest = await client.get("/rfcs/alpha/revisions", limit="1", sort=sort, cursor=page["next"])
            assert {one["version"] for one in (*page["items"], *rest["items"])} == {1, 2}, sort
            assert rest["next"] is None


async def test_who_is_behind_a_pull_request_changes_unseen_where_a_hidden_entry_says_it(cache: Cache) -> None:
    """Guards: `actor_evidence` among the columns that changed, told to those who do not see the evidence."""
    audits = {name: entry(name, collection="actions", repository_id=9) for name in ("a1", "a2")}
    behind = [replace(place(2, "alpha"), actor=who, actor_source="audit", actor_evidence=evidence)
              for who, evidence in (("bob", "a1"), ("eve", "a2"))]  # fmt: skip
    await cache.put(repository(9, "acme/audit", private=True), *audits.values(), behind[0])
    kept = Kept()
    async with asking(cache, kept) as client:
        before = await end(client)
        await cache.put(behind[1])
        assert await told_after(client, before) == []
        whole = (await client.get(f"/changes?after={before}", headers=bearer(kept.give())))["items"]
        assert [one["columns"] for one in whole] == [["actor", "actor_evidence"]]
        # beside something that everybody sees
        await cache.put(behind[0], pull(2, state="merged", title="Now", merged_at=cache.now))
        ((_, _, columns),) = await told_after(client, before)
        assert not [one for one in columns if one.startswith("actor")]


async def test_that_a_hidden_entry_names_the_same_person_is_not_seen_by_what_did_not_change(cache: Cache) -> None:
    """Guards: `actor` missing among the columns, which told that whoever is hidden now is the one who was seen."""
    audit = entry("a1", collection="actions", repository_id=9)
    opener = replace(place(2, "alpha"), actor="ada", actor_source="opener", actor_evidence=None)
    await cache.put(repository(9, "acme/audit", private=True), audit, opener)
    async with asking(cache, Kept()) as client:
        before = await end(client)
        await cache.put(replace(opener, actor_source="audit", actor_evidence="a1"))
        ((_, _, columns),) = await told_after(client, before)
        assert columns == ["actor", "actor_source"]


async def test_what_turned_private_stays_hidden_when_it_is_removed(cache: Cache) -> None:
    """Guards: with its repository gone, the feed telling strangers again what came of it before it was private."""
    meta = repository(1, "acme/meta")
    async with asking(cache, Kept()) as client:
        place = (await client.get("/changes?limit=1"))["next"].partition(":")[0] + ":0"
        await cache.put(replace(meta, private=True))
        hidden = await told_after(client, place, limit="200")
        assert "beta" not in {name for _, name, _ in hidden}
        await cache.remove(replace(meta, private=True))
        assert await told_after(client, place, limit="200") == hidden


async def test_a_cleared_finding_does_not_name_the_hidden_file_that_had_its_key(cache: Cache) -> None:
    """While it stands it is hidden with the entry that has the key; then the key is its own, and the words are left."""
    rival = finding(
        "dup", rule="duplicate-key-claim", key="beta", message="rfcs 'beta' is claimed by acme/secret:rfcs/x.md"
    )
    kept = Kept()
    async with asking(cache, kept) as client:
        hidden = entry("beta", repository_id=9)
        await cache.put(repository(9, "acme/secret", private=True), hidden, rival)
        assert "secret" not in json.dumps(await client.get("/findings"))
        await cache.put(entry("beta"))
        await cache.remove(rival)
        assert "secret" not in json.dumps(await client.get("/findings?cleared=true"))
        assert "secret" in json.dumps(await client.get("/findings?cleared=true", headers=bearer(kept.give())))


async def test_of_what_a_pull_request_would_change_only_what_is_seen_is_counted(cache: Cache) -> None:
    """Guards: "5 more entries would change", and the seen one pushed out of the first few by those that are not."""
    theirs = [f"a{number}" for number in range(5)]
    await cache.put(
        repository(9, "acme/secret", private=True), *(entry(key, repository_id=9) for key in theirs),
        *(proposal(key, "changed") for key in theirs), proposal("beta", "changed"),
    )  # fmt: skip
    for viewer, number in ((PUBLIC, 1), (scoped(["acme"], ["acme/meta"]), 1), (EVERYTHING, 6)):
        async with cache.database.read() as connection:
            told = (await proposed.of_pulls(connection, viewer, [(1, 1)], 6 if number == 6 else 1))[1, 1]
        assert (told.number, len(told.first), told.first[-1].item.key) == (number, number, "beta")


@pytest.mark.parametrize("to", ["hidden", "shown"])
async def test_an_entry_that_goes_from_one_repository_to_another_leaves_and_comes(cache: Cache, to: str) -> None:
    """Guards: what a hidden entry had in common with the one that has its key now; and a reader who is never told that
    an entry is gone from where it could be seen."""
    shown, hidden = entry("delta"), entry("delta", repository_id=9, title="Other")
    first, second = (shown, hidden) if to == "hidden" else (hidden, shown)
    kept = Kept()
    async with asking(cache, kept) as client:
        await cache.put(repository(9, "acme/secret", private=True), first)
        before = await end(client)
        await cache.put(second)
        told = "deleted" if to == "hidden" else "created"
        assert await told_after(client, before) == [(told, "delta", [])]
        whole = (await client.get(f"/changes?after={before}", headers=bearer(kept.give())))["items"]
        assert [one["operation"] for one in whole] == ["deleted", "created"]


@pytest.mark.parametrize("by", ["cookie", "proxy"])
async def test_a_stream_is_its_readers_alone_however_they_signed_in(cache: Cache, by: str) -> None:
    kept = Kept()
    secret = kept.give("people")
    made = Access(kept, lambda: cache.now, "public", TrustedProxy("Remote-User", ("127.0.0.1/32",)), "people")
    value, _ = await made.sign_in(secret)
    headers = {"cookie": {"Cookie": f"forgeglass_session={value}"}, "proxy": {"Remote-User": "ada"}}[by]
    async for server in serve(cache.context(access=made)):
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{server.root}/api/v1/events", headers=headers) as stream,
        ):
            assert stream.headers["Cache-Control"].startswith("private")
    await made.stop()


async def test_a_token_that_is_revoked_while_a_commit_is_waited_for_opens_nothing(cache: Cache) -> None:
    """Guards: a minute's `wait_for`, begun in time."""
    kept, asked, go = Kept(), asyncio.Event(), asyncio.Event()
    secret = kept.give()

    async def waits(*_: Any) -> Waited:
        asked.set()
        await go.wait()
        return Waited()

    made = Access(kept, lambda: cache.now)
    async for server in serve(cache.context(access=made, wait_for=waits)):
        async with aiohttp.ClientSession() as session:
            path = f"/rfcs?wait_for=acme/meta@{'f' * 40}&timeout=60s"
            reading = asyncio.create_task(Client(session, server.root).get(path, status=401, headers=bearer(secret)))
            await asked.wait()
            kept.revoke("ci")
            go.set()
            assert (await reading)["status"] == 401
    await made.stop()


async def test_a_head_that_turns_private_while_it_is_waited_for_is_not_told(cache: Cache) -> None:
    async def waits(_name: str, _commit: str, _seconds: float, seen: Any) -> Waited:
        await cache.put(repository(1, "acme/meta", private=True))
        return Waited(seen=False, known=1 in seen, error="refused")

    async for server in serve(cache.context(access=Access(Kept(), lambda: cache.now), wait_for=waits)):
        async with aiohttp.ClientSession() as session:
            path = f"/rfcs?wait_for=acme/meta@{'f' * 40}&timeout=60s"
            problem = await Client(session, server.root).get(path, status=404)
            assert "head" not in problem


