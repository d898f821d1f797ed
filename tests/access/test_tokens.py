"""Tokens: who is refused and how, what each scope lets through, and what caches are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from api_rows import NOW, branch, entry, finding, place, pull, repository
from api_server import Cache, Client, serve
from api_tokens import Kept
from sqlalchemy import event

from cache.queries import entries, pulls
from cache.queries.paging import ask
from cache.viewer import EVERYTHING, PUBLIC, Viewer
from daemon.api.access import Access, Anonymous, digest, new_token
from daemon.api.problems import TYPE


@pytest.fixture
def kept() -> Kept:
    return Kept()


@asynccontextmanager
async def asking(
    cache: Cache, kept: Kept, anonymous: Anonymous = "public", **changes: Any
) -> AsyncIterator[tuple[Client, Access]]:
    access = Access(kept, lambda: cache.now, anonymous)
    async for server in serve(cache.context(access=access, **changes)):
        async with aiohttp.ClientSession() as session:
            yield Client(session, server.root), access
    await access.stop()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def keys(client: Client, token: str | None = None, path: str = "/rfcs") -> list[str]:
    return [item["key"] for item in (await client.get(path, headers=bearer(token) if token else None))["items"]]


async def private(cache: Cache) -> None:
    """Make the document's repository private, and give another owner a private entry."""
    await cache.put(
        repository(2, "acme/alpha", private=True), repository(9, "other/meta", private=True),
        entry("theirs", repository_id=9), finding("f9", key="theirs", repository_id=9), pull(5, 9),
        place(5, "theirs", repository_id=9),
    )  # fmt: skip


HOSTILE = (
    "Bearer", "Bearer ", "Bearer x", "token x", "Bearer fg_", "fg_without_a_scheme", "Bearer fg_" + "a" * 5000,
    "Bearer fg_\xe9", "Bearer fg_a fg_b", "BEARER fg_' OR 1=1 --", "bearer fg_%00",
)  # fmt: skip


@pytest.mark.parametrize("sent", HOSTILE)
async def test_what_is_no_token_of_ours_is_refused_and_never_taken_for_nobody(
    cache: Cache, kept: Kept, sent: str
) -> None:
    async with asking(cache, kept, "all") as (client, _):
        response, problem = await client.answer("/rfcs", status=401, headers={"Authorization": sent})
        assert problem["type"] == f"{TYPE}bad-token"
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert response.headers["Cache-Control"].endswith("no-store")
        assert sent.partition(" ")[2] not in problem["detail"] or not sent.partition(" ")[2].strip()


async def test_wrong_expired_and_revoked_are_one_answer(cache: Cache, kept: Kept) -> None:
    """Guards against telling a thief which of his tokens were ever good."""
    revoked, expired = kept.give("a"), kept.give("b", expires_at=NOW)
    del kept.tokens[digest(revoked)]
    async with asking(cache, kept) as (client, _):
        told = [await client.get("/rfcs", status=401, headers=bearer(t)) for t in (new_token(), revoked, expired)]
    assert told[0] == told[1] == told[2]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "token", "Token"])
async def test_both_ways_of_writing_it_are_taken(cache: Cache, kept: Kept, scheme: str) -> None:
    async with asking(cache, kept, "none") as (client, _):
        await client.get("/rfcs", headers={"Authorization": f"{scheme} {kept.give()}"})


async def test_a_proxys_own_sign_in_is_not_ours_to_judge(cache: Cache, kept: Kept) -> None:
    async with asking(cache, kept) as (client, _):
        assert await client.get("/rfcs", headers={"Authorization": "Basic YWRhOnB3"}) == await client.get("/rfcs")


async def test_two_tokens_at_once_are_refused(cache: Cache, kept: Kept) -> None:
    async with asking(cache, kept) as (client, _):
        twice = [("Authorization", f"Bearer {kept.give()}"), ("Authorization", f"Bearer {kept.give()}")]
        async with client.session.get(f"{client.root}/api/v1/rfcs", headers=twice) as response:
            assert response.status == 401


async def test_nobody_is_told_anything_where_the_configuration_says_so(cache: Cache, kept: Kept) -> None:
    async with asking(cache, kept, "none") as (client, _):
        for path in ("/rfcs", "/status", "/changes", "/changes.atom", "/events", "/openapi.json", "/no/such"):
            async with client.session.get(f"{client.root}/api/v1{path}") as response:
                assert (response.status, (await response.json(content_type=None))["type"]) == (
                    401, f"{TYPE}token-needed",
                )  # fmt: skip


@pytest.mark.parametrize(
    ("scopes", "seen"),
    [
        ({}, ["alpha", "beta", "gamma", "theirs"]),
        ({"owners": ["acme"]}, ["alpha", "beta", "gamma"]),
        ({"owners": ["other"]}, ["theirs"]),
        ({"repositories": ["other/meta"]}, ["theirs"]),
        ({"owners": ["acme"], "repositories": ["other/meta"]}, []),
        ({"collections": ["rfc/rfcs"]}, ["alpha", "beta", "gamma", "theirs"]),
        ({"collections": ["notes/notes"]}, []),
        ({"collections": ["rfc/rfcs"], "owners": ["other"]}, ["theirs"]),
    ],
)
async def test_scopes_narrow_each_other(cache: Cache, kept: Kept, scopes: Any, seen: list[str]) -> None:
    await private(cache)
    async with asking(cache, kept) as (client, _):
        token = kept.give(**scopes)
        assert await keys(client, token) == seen
        for key in ("alpha", "theirs"):
            status = 200 if key in seen else 404
            for part in ("", "/history", "/branches", "/pulls"):
                await client.get(f"/rfcs/{key}{part}", status=status, headers=bearer(token))
        found = {item["key"] for item in (await client.get("/findings", headers=bearer(token)))["items"]}
        assert ("theirs" in found) == ("theirs" in seen)
        told = await client.get("/changes", headers=bearer(token))
        assert ("theirs" in {item["key"] for item in told["items"]}) == ("theirs" in seen)
        raised = await client.get("/pulls", headers=bearer(token))
        assert (5 in {item["number"] for item in raised["items"]}) == ("theirs" in seen)


async def test_another_owners_entry_is_no_entry(cache: Cache, kept: Kept) -> None:
    """What is hidden and what is not there have one answer, but for the name that was asked for."""
    await private(cache)
    async with asking(cache, kept) as (client, _):
        for token in (None, kept.give(owners=["acme"])):
            headers = bearer(token) if token else None
            hidden = await client.get("/rfcs/theirs", status=404, headers=headers)
            absent = await client.get("/rfcs/nobody", status=404, headers=headers)
            assert {**hidden, "detail": "", "instance": ""} == {**absent, "detail": "", "instance": ""}
            assert hidden["detail"].replace("theirs", "nobody") == absent["detail"]
            hidden = await client.get("/repositories/other/meta", status=404, headers=headers)
            assert hidden["detail"] == "There is no repository 'other/meta' here."


async def test_a_private_document_is_as_good_as_none(cache: Cache, kept: Kept) -> None:
    await cache.put(branch("alpha", "secret-plan"))
    await private(cache)
    async with asking(cache, kept) as (client, _):
        told = await client.get("/rfcs/alpha")
        assert told["body"] == "About alpha."
        assert told["body_sha"] == told["entry_sha"]
        assert told["updated_at"] == told["last_entry_commit_at"]
        hidden = ("document_sha", "document_repository", "document_path", "document_commit", "home_repository")
        assert {told[name] for name in (*hidden, "last_main_commit_at")} == {None}
        assert told["counts"]["branches_open"] == 0
        assert (await client.get("/rfcs/alpha/branches"))["items"] == []
        assert [one["part"] for one in (await client.get("/rfcs/alpha/history"))["items"]] == ["entry", "entry"]
        assert await keys(client, path="/rfcs?q=whole") == []
        assert await keys(client, path="/rfcs?q=about+alpha") == ["alpha"]
        assert await keys(client, kept.give(), path="/rfcs?q=whole") == ["alpha"]


async def test_a_repository_that_turns_private_says_farewell_to_those_who_saw_it(cache: Cache, kept: Kept) -> None:
    async with asking(cache, kept) as (client, _):
        place_before = (await client.get("/changes?last=1"))["next"]
        await cache.put(repository(1, "acme/secret", private=True))
        assert await keys(client) == []
        told = (await client.get(f"/changes?after={place_before}"))["items"]
        assert [(one["kind"], one["operation"], one["name"], one["repository"]) for one in told] == [
            ("repository", "deleted", "acme/meta", None)
        ]
        assert not [one for one in (await client.get("/changes?limit=200"))["items"] if one["repository_id"] == 1
                    and one["operation"] != "deleted"]  # fmt: skip
        headers = bearer(kept.give())
        told = (await client.get(f"/changes?after={place_before}", headers=headers))["items"]
        assert [(one["operation"], one["name"]) for one in told] == [("updated", "acme/secret")]

        await cache.put(repository(1, "acme/secret"))
        assert await keys(client) == ["alpha", "beta", "gamma"]
        told = (await client.get(f"/changes?after={place_before}&kind=repository"))["items"]
        assert [(one["operation"], one["columns"]) for one in told] == [("deleted", []), ("updated", ["private"])]


async def test_a_public_repository_that_is_gone_is_still_told_of(cache: Cache, kept: Kept) -> None:
    await cache.put(repository(9, "other/meta", private=True))
    async with asking(cache, kept) as (client, _):
        place_before = (await client.get("/changes?last=1"))["next"]
        await cache.remove(repository(3, "acme/idle", depth=None), repository(9, "other/meta", private=True))
        told = (await client.get(f"/changes?after={place_before}"))["items"]
        assert [(one["operation"], one["name"]) for one in told] == [("deleted", "acme/idle")]


async def test_answers_say_that_they_differ_by_who_asks(cache: Cache, kept: Kept) -> None:
    """Guards against a cache that gives one reader's answer to another."""
    await private(cache)
    async with asking(cache, kept) as (client, _):
        one, other = kept.give("one"), kept.give("other", owners=["acme", "other"])
        tags = set()
        for token in (None, one, other):
            response, _ = await client.answer("/rfcs/beta", headers=bearer(token) if token else None)
            assert "Authorization" in response.headers["Vary"]
            assert response.headers["Cache-Control"].startswith("private") == (token is not None)
            tags.add(response.headers["ETag"])
            again = {"If-None-Match": response.headers["ETag"], **(bearer(token) if token else {})}
            await client.answer("/rfcs/beta", status=304, headers=again)
        assert len(tags) == 3


async def test_a_token_that_is_revoked_ends_its_streams(cache: Cache, kept: Kept) -> None:
    secret = kept.give()
    async with (
        asking(cache, kept) as (client, _),
        client.session.get(f"{client.root}/api/v1/events", headers=bearer(secret)) as stream,
    ):
        assert stream.headers["Cache-Control"].startswith("private")
        while await stream.content.readline() != b"\r\n":
            pass
        kept.tokens.clear()
        await cache.put(repository(8, "acme/new"))
        told = (await stream.content.read()).decode()
    assert "event: refused" in told
    assert "acme/new" not in told


async def test_a_revoked_token_ends_its_streams_though_nothing_changes(cache: Cache, kept: Kept) -> None:
    """Guards the page of somebody whose token was revoked: it stood on the screen, live, until the next change."""
    secret = kept.give()
    async with (
        asking(cache, kept, heartbeat=0.01) as (client, _),
        client.session.get(f"{client.root}/api/v1/events", headers=bearer(secret)) as stream,
        asyncio.timeout(20),
    ):
        while await stream.content.readline() != b"\r\n":
            pass
        kept.tokens.clear()
        assert "event: refused" in (await stream.content.read()).decode()


async def test_a_stream_tells_no_more_than_the_feed(cache: Cache, kept: Kept) -> None:
    async with (
        asking(cache, kept) as (client, _),
        client.session.get(f"{client.root}/api/v1/events") as stream,
    ):
        await cache.put(repository(8, "acme/secret", private=True))
        await cache.put(repository(7, "acme/open"))
        while b"acme/" not in (line := await stream.content.readline()):
            pass
    assert b"acme/open" in line


async def test_use_is_noted_at_most_once_a_minute(cache: Cache, kept: Kept) -> None:
    async with asking(cache, kept) as (client, access):
        token = kept.give()
        for later in (0, 30, 59, 60, 61):
            cache.now = NOW + timedelta(seconds=later)
            await client.get("/rfcs", headers=bearer(token))
        await access.stop()
    assert kept.notes == [("ci", NOW), ("ci", NOW + timedelta(seconds=60))]


async def test_a_public_reader_costs_no_statement_more(cache: Cache) -> None:
    """Guards the cost: what is hidden is left out by the statements that read anyway.

    (That they walk along the same indexes, tests/api/test_views.py shows: it asks as a public reader.)
    """
    plans: dict[Viewer, list[str]] = {}
    for viewer in (EVERYTHING, PUBLIC):
        said: list[str] = []

        def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any, said: list[str] = said) -> None:
            said.append(statement)

        async with cache.database.read() as connection:
            event.listen(connection.sync_connection, "before_cursor_execute", note)
            collection = cache.blocks[0].collection("rfcs")
            await entries.entry_list(connection, viewer, collection, ask([], entries.columns(collection), sort="key"))
            await pulls.pull_list(connection, viewer, ask([], pulls.columns(), sort=pulls.SORT))
            event.remove(connection.sync_connection, "before_cursor_execute", note)
        plans[viewer] = said
    assert len(plans[PUBLIC]) == len(plans[EVERYTHING])
    assert not any("coalesce" in one and "private" in one.partition("WHERE")[2] for one in plans[EVERYTHING])
