"""An address that names a person becomes the login that the forge knows it by, and costs a request only where new."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from cache.rows import PersonRow, PullEntryRow
from daemon.blocks import load_blocks
from daemon.clock import utc_now
from daemon.commands import COMMANDS
from daemon.config import load
from daemon.engine import Engine, engine
from daemon.work.scope import Scope
from daemon.work.workqueue import Priority
from gitea_client.fake import Fault, StandIn
from gitea_client.secret import Secret

META = "acme/meta"
SEARCH = "/api/v1/users/search"
CONFIG = """\
data_dir = "data"
listen = "127.0.0.1:0"
[forge]
url = "{url}"
owners = ["acme"]
[[profiles]]
use = "rfc"
meta = "acme/meta"
bot = "rfcbot"
"""


class Place:
    """A forge whose bot raises pull requests for others, and a cache of it."""

    def __init__(self, forge: StandIn, opened: Engine) -> None:
        self.forge, self.engine = forge, opened
        self._mark = forge.mark()

    async def propose(self, name: str, body: str) -> int:
        """A pull request by the bot."""
        await self.forge.commit(META, {f"rfcs/{name}.md": "---\ntitle: N\nstate: idea\n---\n"}, f"propose/{name}")
        return await self.forge.open_pull(META, f"propose/{name}", body=body, by="rfcbot")

    async def command(self, name: str, **arguments: Any) -> tuple[dict[str, Any], int]:
        return await COMMANDS[name](self.engine, arguments, lambda _: None)

    def asked(self) -> list[str]:
        """The searches for people since this was last called."""
        found = [r.query for r in self.forge.requests_since(self._mark) if r.path == SEARCH]
        self._mark = self.forge.mark()
        return found

    async def person(self, number: int) -> tuple[str | None, str | None, str | None]:
        """Who is behind a pull request, as `cache.db` has it."""
        rows = (await self.engine.store.load([PullEntryRow]))[PullEntryRow]
        row = rows[self.forge.repository(META).id, number, "rfc", "rfcs"]
        assert isinstance(row, PullEntryRow)
        return row.actor, row.actor_source, row.actor_evidence


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with StandIn(tmp_path / "forge") as forge:
        for login in ("ada", "rfcbot"):
            forge.create_user(login)
        forge.create_organization("acme")
        await forge.create_repository(META)
        await forge.commit(META, {"README.md": "Entries\n"})
        (tmp_path / "forgeglass.toml").write_text(CONFIG.format(url=forge.url))
        config = load(tmp_path / "forgeglass.toml", {})
        async with engine(config, Secret(forge.token), load_blocks(config), utc_now, spacing=0) as opened:
            yield Place(forge, opened)


ADA = "On-behalf-of: Ada Lovelace <Ada@example.org>"
GRACE = "On-behalf-of: Grace Hopper <grace@example.org>"


async def test_a_sweep_ends_with_logins_for_addresses_and_asks_once(place: Place) -> None:
    """Guards the cost of a sweep, also where an address is nobody's; and one column that held two kinds of names."""
    ada, grace = await place.propose("a", ADA), await place.propose("g", GRACE)
    login = await place.propose("l", "On-behalf-of: Ada <ada>")
    report, code = await place.command("sweep")
    assert (code, report["errors"]) == (0, [])
    assert await place.person(ada) == ("ada", "trailer", ADA)
    assert await place.person(grace) == ("grace@example.org", "trailer", GRACE)
    assert await place.person(login) == ("ada", "trailer", "On-behalf-of: Ada <ada>")
    assert len(place.asked()) == 2
    await place.propose("b", ADA)
    await place.command("sweep")
    await place.command("sweep")
    assert place.asked() == []


async def test_a_forge_without_addresses_in_trailers_is_never_asked(place: Place) -> None:
    await place.propose("l", "On-behalf-of: Ada <ada>")
    await place.forge.commit(META, {"rfcs/o.md": "---\ntitle: O\nstate: idea\n---\n"}, "propose/o")
    await place.forge.open_pull(META, "propose/o", body=GRACE, by="ada")
    await place.command("sweep")
    await place.command("sweep", deep=True)
    assert place.asked() == []


async def test_what_is_read_after_a_delivery_has_its_login_without_a_sweep(place: Place) -> None:
    """Guards freshness: the person behind a new pull request would else be an address until the next sweep."""
    await place.command("sweep")
    number = await place.propose("a", ADA)
    repository_id, reconciler = place.forge.repository(META).id, place.engine.desk.reconciler
    reconciler.awaited.add(repository_id)
    assert await reconciler.look(repository_id, Scope(pulls=frozenset({number})), Priority.DELIVERY) is None
    assert (await place.person(number))[0] == "ada"


async def test_a_rebuild_and_a_verification_come_to_the_same(place: Place) -> None:
    ada = await place.propose("a", ADA)
    await place.propose("g", GRACE)
    await place.command("sweep")
    before, _ = await place.command("digest")
    assert (await place.command("verify"))[0]["equal"]
    report, code = await place.command("rebuild")
    assert (code, report["changes"]) == (0, 0)
    assert (await place.command("digest"))[0] == before
    assert (await place.person(ada))[0] == "ada"
    place.asked()
    await place.command("sweep")
    assert place.asked() == []


async def test_a_deep_sweep_asks_again(place: Place) -> None:
    """Guards a person who comes to the forge later, and one who is there no more; and drops what nothing names."""
    ada, grace = await place.propose("a", ADA), await place.propose("g", GRACE)
    await place.command("sweep")
    place.forge.create_user("grace")
    del place.forge.world.users["ada"]
    await place.command("sweep")
    assert ((await place.person(ada))[0], (await place.person(grace))[0]) == ("ada", "grace@example.org")
    await place.command("sweep", deep=True)
    assert ((await place.person(ada))[0], (await place.person(grace))[0]) == ("Ada@example.org", "grace")
    await place.forge.edit_pull(META, ada, body="For nobody", by="rfcbot")
    await place.command("sweep")
    await place.command("sweep", deep=True)
    assert set(place.engine.desk.book.world.people) == {"grace@example.org"}
    assert set((await place.engine.store.load([PersonRow]))[PersonRow]) == {"grace@example.org"}


@pytest.mark.parametrize("status", [403, 404])
async def test_where_people_are_not_shown_an_address_stays_and_a_login_stands(place: Place, status: int) -> None:
    """Guards a token without read:user: everything else is read; and a known login against lost rights."""
    ada = await place.propose("a", ADA)
    await place.command("sweep")
    grace = await place.propose("g", GRACE)
    place.forge.faults.set(Fault("status", SEARCH, status=status))
    with capture_logs() as lines:
        for deep in (False, False, True):
            report, code = await place.command("sweep", deep=deep)
            assert (code, report["errors"]) == (0, [])
    assert ((await place.person(ada))[0], (await place.person(grace))[0]) == ("ada", "grace@example.org")
    assert [line["remedy"] for line in lines if line["event"] == "people.not_shown"] == [
        "give the token the scope read:user"
    ]


async def test_a_search_that_fails_is_told_and_made_again(place: Place) -> None:
    """Guards "never mistake failure for absence", and the other addresses and repositories against one that fails."""
    ada, grace = await place.propose("a", ADA), await place.propose("g", GRACE)
    place.forge.create_user("grace")
    place.forge.faults.set(Fault("wrong_json", f"{SEARCH}.*ada"))
    report, code = await place.command("sweep")
    assert (code, [trouble["scope"] for trouble in report["errors"]]) == (3, ["address:ada@example.org"])
    assert ((await place.person(ada))[0], (await place.person(grace))[0]) == ("Ada@example.org", "grace")
    place.forge.faults.clear()
    assert (await place.command("sweep"))[1] == 0
    assert (await place.person(ada))[0] == "ada"


async def test_who_could_not_be_asked_for_is_asked_for_later(place: Place) -> None:
    """Guards a deep sweep cut short: those it had still to ask for would keep what is no longer so for an hour."""
    await place.propose("a", ADA)
    grace = await place.propose("g", GRACE)
    await place.command("sweep")
    place.forge.create_user("grace")
    place.forge.faults.set(Fault("status", f"{SEARCH}.*ada", status=401))
    report, _ = await place.command("sweep", deep=True)
    assert [trouble["scope"] for trouble in report["errors"]] == ["address:ada@example.org"]
    assert (await place.person(grace))[0] == "grace@example.org"
    place.forge.faults.clear()
    await place.command("sweep")
    assert (await place.person(grace))[0] == "grace"


async def test_answers_outlive_the_daemon(place: Place) -> None:
    """Guards a restart that asks for everybody again."""
    await place.propose("a", ADA)
    await place.propose("g", GRACE)
    await place.command("sweep")
    book = place.engine.desk.book
    known = book.world.people
    await book.open()
    assert book.world.people == known == {"ada@example.org": "ada", "grace@example.org": ""}
