"""Rules of the REST interface that the recorded scenario does not touch: pages, searches, hooks, files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from standin_scenario import Clock

from gitea_client.fake import StandIn

META = "acme/meta"


class Client:
    """Calls the API as root1 unless told otherwise."""

    def __init__(self, forge: StandIn, session: aiohttp.ClientSession) -> None:
        self.forge = forge
        self._session = session
        self.headers: dict[str, str] = {}

    async def __call__(
        self, path: str, method: str = "GET", body: Any = None, token: str | None = None
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"token {self.forge.token if token is None else token}"}
        async with self._session.request(method, f"{self.forge.url}/api/v1{path}", json=body, headers=headers) as got:
            self.headers = dict(got.headers)
            text = await got.text()
            return got.status, await got.json() if "json" in got.content_type else text


@pytest.fixture(params=["gitea", "forgejo"])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Client]:
    clock = Clock()
    async with (
        StandIn(tmp_path, flavour=request.param, clock=clock, page_cap=4) as forge,
        aiohttp.ClientSession() as session,
    ):
        forge.create_organization("acme")
        await forge.create_repository(META)
        await forge.commit(META, {"a.md": "a\n", "sub/b.md": "b\n"})
        yield Client(forge, session)


async def test_a_limit_above_the_cap_is_held_to_it(client: Client) -> None:
    """Guards paging: the server's own cap decides, silently; the default page is no larger."""
    for n in range(6):
        await client.forge.create_repository(f"acme/r{n}")
    for query in ("limit=50", "limit=4", ""):
        _, page = await client(f"/orgs/acme/repos?{query}")
        assert len(page) == 4
        assert client.headers["X-Total-Count"] == "7"
    _, page = await client("/orgs/acme/repos?page=2")
    assert [r["name"] for r in page] == ["r3", "r4", "r5"]
    assert 'rel="next"' not in client.headers["Link"]
    assert (await client("/settings/api"))[1]["max_response_items"] == 4


async def test_repositories_are_searched_by_owner_and_time(client: Client) -> None:
    """Guards the quiet sweep's first request: exclusive of other owners, newest change first."""
    clock = client.forge.world._clock
    assert isinstance(clock, Clock)
    owner = client.forge.world.user("acme").id
    await client.forge.create_repository("root1/own")
    for name in ("acme/b", "acme/c", META):
        clock.tick(5)
        if name != META:
            await client.forge.create_repository(name)
        await client.forge.commit(name, {"x": name})
    _, found = await client(f"/repos/search?uid={owner}&exclusive=true&sort=updated&order=desc")
    assert [r["name"] for r in found["data"]] == ["meta", "c", "b"]
    assert (await client("/repos/search?sort=nonsense"))[0] == 422


async def test_private_repositories_are_hidden(client: Client) -> None:
    """Guards "lost permission is not absence": 404 and shorter lists for who may not read."""
    client.forge.create_user("eve")
    await client.forge.set_private(META)
    eve = client.forge.token_of("eve")
    assert (await client(f"/repos/{META}", token=eve))[0] == 404
    assert (await client(f"/repositories/{client.forge.repository(META).id}", token=eve))[0] == 404
    assert (await client("/orgs/acme/repos", token=eve))[1] == []
    assert client.headers["X-Total-Count"] == "0"
    assert (await client(f"/repos/{META}"))[0] == 200


async def test_pull_requests_are_searched_by_their_time(client: Client) -> None:
    """Guards the quiet sweep's second request: `since` is inclusive, the default state is open, no heads are told."""
    forge, clock = client.forge, client.forge.world._clock
    assert isinstance(clock, Clock)
    for name in ("one", "two", "three"):
        clock.tick(10)
        await forge.commit(META, {name: name}, name)
        await forge.open_pull(META, name)
    await forge.close(META, 3)
    times = [forge.pull(META, n).updated for n in (1, 2, 3)]
    _, found = await client("/repos/issues/search?type=pulls&owner=acme")
    assert [p["number"] for p in found] == [2, 1]
    assert "head" not in found[0]

    async def since(moment: Any) -> list[int]:
        text = moment.isoformat().replace("+00:00", "Z")
        _, hits = await client(f"/repos/issues/search?type=pulls&state=all&owner=acme&since={text}")
        return [p["number"] for p in hits]

    assert await since(times[1]) == [3, 2]
    assert await since(times[1] + timedelta(seconds=1)) == [3]
    assert (await client("/repos/issues/search?owner=nobody"))[0] == 400
    assert (await client("/repos/issues/search?since=yesterday"))[0] == 422


async def test_hooks_keep_their_rules(client: Client) -> None:
    """Guards `hooks`: inactive unless asked, push unless told, reset by PATCH without events, the secret never told."""
    config = {"url": "http://127.0.0.1:9/", "content_type": "json", "secret": "first"}
    _, hook = await client("/orgs/acme/hooks", "POST", {"type": "gitea", "config": config})
    assert (hook["active"], hook["events"]) == (False, ["push"])
    path = f"/orgs/acme/hooks/{hook['id']}"
    wanted = {"events": ["pull_request", "create"], "active": True, "authorization_header": "Bearer x"}
    _, hook = await client(path, "PATCH", wanted)
    assert (len(hook["events"]), hook["authorization_header"]) == (11, "Bearer x")
    _, hook = await client(path, "PATCH", {"active": True, "config": {"secret": "second"}})
    assert (hook["events"], hook["authorization_header"]) == (["push"], "")
    assert client.forge.world.hooks[hook["id"]].secret == "first"
    assert "secret" not in str(hook)
    assert (await client("/orgs/acme/hooks", "POST", {"config": {"url": "x"}}))[0] == 422
    assert (await client(path, "DELETE"))[0] == 204
    assert (await client(path))[0] == 404


async def test_raw_files_and_their_refs(client: Client) -> None:
    """Guards readers of raw files: `?ref=` takes a branch on Forgejo only; ids and path prefixes work on both."""
    sha = client.forge.refs(META)["refs/heads/main"]
    statuses = {
        "raw/a.md": 200, "raw/a.md?ref=main": 200 if client.forge.world.forgejo else 404, f"raw/a.md?ref={sha}": 200,
        f"raw/{sha}/a.md": 200, "raw/main/sub/b.md": 200, "raw/nope.md": 404,
    }  # fmt: skip
    for path, status in statuses.items():
        assert (await client(f"/repos/{META}/{path}"))[0] == status, path


async def test_trees_come_in_pages_that_never_say_they_end(client: Client) -> None:
    """Guards tree readers: `truncated` stays true on the last page, and past it `tree` is null."""
    for page, names in ((1, ["a.md", "sub"]), (2, ["sub/b.md"]), (3, None)):
        _, tree = await client(f"/repos/{META}/git/trees/main?recursive=true&per_page=2&page={page}")
        assert (tree["truncated"], tree["total_count"]) == (True, 3)
        assert (tree["tree"] and [item["path"] for item in tree["tree"]]) == names


async def test_history_of_a_path_overlaps_on_gitea(client: Client) -> None:
    """Guards readers of /commits?path=: Gitea ignores `limit` there."""
    for n in range(5):
        await client.forge.commit(META, {"a.md": f"{n}\n"})
    _, found = await client(f"/repos/{META}/commits?path=a.md&limit=2")
    assert len(found) == (2 if client.forge.world.forgejo else 6)
    assert (await client(f"/repos/{META}/commits?path=nope"))[0] == 404


async def test_files_are_changed_through_the_api(client: Client) -> None:
    """Guards the demonstration's edits: update needs the blob's id, delete removes, a new branch can be cut."""
    _, entry = await client(f"/repos/{META}/contents/a.md")
    change = {"content": "Yg==", "message": "b", "sha": entry["sha"], "new_branch": "edit"}
    status, _ = await client(f"/repos/{META}/contents/a.md", "PUT", change | {"sha": "0" * 40})
    assert status in (409, 422)
    status, _ = await client(f"/repos/{META}/contents/a.md", "PUT", change)
    assert (status, "edit" in client.forge.repository(META).branches) == (200, True)
    status, _ = await client(f"/repos/{META}/contents/a.md", "DELETE", {"sha": entry["sha"], "message": "gone"})
    assert status == 200
    assert (await client(f"/repos/{META}/contents/a.md"))[0] == 404
    assert (await client(f"/repos/{META}/contents/new.md", "POST", {"content": "not base64!"}))[0] == 422
    assert (await client(f"/repos/{META}/contents/new.md", "POST", ["no", "object"]))[0] == 422


async def test_comments_on_gitea_are_stored_and_fail(client: Client) -> None:
    """Guards clients that comment: this Gitea answers 500 after storing, and delivers nothing."""
    await client.forge.commit(META, {"x": "x"}, "topic")
    await client.forge.open_pull(META, "topic")
    status, _ = await client(f"/repos/{META}/issues/1/comments", "POST", {"body": "Well"})
    assert status == (201 if client.forge.world.forgejo else 500)
    assert [c["body"] for c in (await client(f"/repos/{META}/issues/1/comments"))[1]] == ["Well"]


async def test_the_flavour_is_told_by_a_route(client: Client) -> None:
    """Guards the capability probe: only Forgejo has its own version route."""
    async with aiohttp.ClientSession() as session, session.get(f"{client.forge.url}/api/forgejo/v1/version") as got:
        assert got.status == (200 if client.forge.world.forgejo else 404)


async def test_the_date_is_the_clocks(client: Client) -> None:
    """Guards watermarks derived from the server's own time."""
    await client("/version")
    assert client.headers["Date"] == "Sat, 21 Nov 2026 03:04:00 GMT"


async def test_people_and_organizations_share_names_not_routes(client: Client) -> None:
    """Guards owner detection: /users finds both, /orgs only organizations."""
    assert (await client("/users/acme"))[0] == 200
    assert (await client("/orgs/acme"))[0] == 200
    assert (await client("/orgs/root1"))[0] == 404
    assert (await client("/users/nobody"))[0] == 404


async def test_people_are_found_by_parts_of_what_they_show(client: Client) -> None:
    """Guards who is taken for whom: parts of addresses match, and `_` any letter, as on Gitea 1.23 and Forgejo 11."""
    client.forge.create_user("eve")
    eve = client.forge.token_of("eve")

    async def found(part: str, token: str | None = None) -> list[tuple[str, str]]:
        _, answer = await client(f"/users/search?q={part}&limit=10", token=token)
        assert answer["ok"] is True
        return [(user["login"], user["email"]) for user in answer["data"]]

    ada = [("ada", "ada@example.org")]
    for part in ("ada@example.org", "ADA@Example.org", "da@exam", "ad_@example.org", "ada"):
        assert await found(part) == await found(part, eve) == ada
    assert [login for login, _ in await found("example.org")] == ["ada", "eve", "root1"]
    assert await found("nobody@example.org") == await found("acme") == []
    assert (await client("/users/search?q=example.org&limit=2"), client.headers["X-Total-Count"])[1] == "3"


async def test_a_hidden_address_is_known_to_administrators_and_its_owner(client: Client) -> None:
    """Guards an address that its owner keeps: nobody else finds it, and a stranger is shown none at all."""
    hidden = client.forge.world.user("ada")
    hidden.hides_address = True
    client.forge.create_user("eve")
    for login, emails in (("root1", ["ada@example.org"]), ("ada", ["ada@example.org"]), ("eve", [])):
        _, answer = await client("/users/search?q=ada@example.org", token=client.forge.token_of(login))
        assert [user["email"] for user in answer["data"]] == emails
    async with aiohttp.ClientSession() as session:
        for part, emails in (("ada@example.org", []), ("eve@example.org", ["eve@noreply.localhost"])):
            async with session.get(f"{client.forge.url}/api/v1/users/search?q={part}") as got:
                assert [user["email"] for user in (await got.json())["data"]] == emails
