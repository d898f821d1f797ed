"""Values of the configuration that rows follow from: another one takes effect at the next start, without a rebuild."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from msgspec.structs import replace
from serving_place import META, Daemon, Place, rfc

from cache.rows import OwnerRow
from daemon.book import Book
from daemon.config.limits import LIMIT_KEYS
from daemon.config.loading import load
from daemon.settings import of

LONG = "A line of a long text.\n" * 100


async def equal(daemon: Daemon) -> None:
    """The live rows are what a reading anew would give."""
    result, code = await daemon.command("verify")
    assert (code, result["differences"]) == (0, [])


def limited(place: Place, limits: str = "", forge: str = "") -> None:
    """The configuration with these lines under [limits] and [forge]."""
    place.configure(more=f"[limits]\n{limits}\n" if limits else "")
    text = place.config_file.read_text()
    place.config_file.write_text(text.replace("[forge]\n", f"[forge]\n{forge}\n"))


async def found(daemon: Daemon) -> set[str]:
    """The rules of all findings."""
    items = (await daemon.get("/api/v1/findings"))[1]["items"]
    return {item["rule"] for item in items}


async def test_files_that_were_too_large_are_read_once_they_may_be() -> None:
    """Guards C2: raising `forge.max_file_size` changed nothing until a rebuild. Of files and of pull requests, the
    store being without their bytes; and lowering it again."""
    async with Place() as place:
        limited(place, forge='max_file_size = "2KB"')
        await place.push(long=rfc("Long", body=LONG), short=rfc("Short"))
        files = {"rfcs/new.md": rfc("New", body=LONG)}
        await place.forge.commit(META, files, branch="propose/new", start="main", author="ada")
        await place.forge.open_pull(META, head="propose/new", title="New", by="ada")
        async with place.daemon() as daemon:
            await daemon.sweep()
            assert (await daemon.titles(), await found(daemon)) == ({"short": "Short"}, {"unreadable-object"})
        limited(place, forge='max_file_size = "1MB"')
        async with place.daemon() as daemon:
            await daemon.sweep()
            assert (await daemon.titles(), await found(daemon)) == ({"short": "Short", "long": "Long"}, set())
            proposed = (await daemon.get("/api/v1/proposals?include=body"))[1]["items"]
            assert [item["title"] for item in proposed] == ["New"]
            await equal(daemon)
        limited(place, forge='max_file_size = "2KB"')
        mark = place.forge.mark()
        async with place.daemon() as daemon:
            assert place.forge.requests_since(mark) == []
            assert "unreadable-object" in await found(daemon)
            await daemon.sweep()
            await equal(daemon)


async def test_a_last_good_version_that_was_too_large_is_served_once_it_may_be() -> None:
    """Guards: nobody knew that it was lacking, since the newest version was all that was kept of the file."""
    async with Place() as place:
        await place.push(long=rfc("Long", body=LONG))
        await place.push(long="---\nbroken: [\n---\n")
        limited(place, forge='max_file_size = "2KB"')
        async with place.daemon() as daemon:
            await daemon.sweep()
            assert await daemon.titles() == {}
        limited(place, forge='max_file_size = "1MB"')
        async with place.daemon() as daemon:
            await daemon.sweep()
            assert await daemon.titles() == {"long": "Long"}
            await equal(daemon)


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("repository_files = 100", "repository_files = 1000"),
        ("repository_text = 100_000", "repository_text = 1_000_000"),
    ],
)
async def test_limits_of_what_a_repository_holds_take_effect_both_ways(low: str, high: str) -> None:
    """Guards the neighbours of C2: each limit that decides which files are read."""
    async with Place() as place:
        await place.push(**{f"e{n:03}": rfc(f"E{n}", body=LONG[:1500]) for n in range(110)})
        counts = []
        for limits in (high, low, high):
            limited(place, limits)
            mark = place.forge.mark()
            async with place.daemon() as daemon:
                if counts:
                    assert place.forge.requests_since(mark) == []
                else:
                    await daemon.sweep()
                counts.append(len((await daemon.get("/api/v1/rfcs?limit=200"))[1]["items"]))
                await daemon.sweep()
                await equal(daemon)
        assert counts[0] == counts[2] == 110
        assert counts[1] < 110


async def test_an_owner_that_is_taken_out_takes_its_repositories_along() -> None:
    """Guards the neighbours of C2: rows of an owner that is not read any more stood for ever."""
    async with Place() as place:
        place.forge.create_organization("beta")
        await place.forge.create_repository("beta/meta")
        await place.forge.commit("beta/meta", {"rfcs/other.md": rfc("Other")}, author="ada")
        await place.push(one=rfc("One", state="active", repo="beta/meta"))
        both = place.config_file.read_text().replace('owners = ["acme"]', 'owners = ["acme", "beta"]')
        alone = place.config_file.read_text()
        for text, owners in ((both, {"acme", "beta"}), (alone, {"acme"}), (both, {"acme", "beta"})):
            place.config_file.write_text(text)
            async with place.daemon() as daemon:
                await daemon.sweep(deep=True)
                assert {row.name for row in daemon.engine.desk.book.rows[OwnerRow].values()} == owners
                await equal(daemon)


async def test_what_decides_what_is_read_is_compared_and_nothing_else() -> None:
    """Guards a limit that is added and forgotten: each either changes what is compared at a start, or is named here
    as one that rows do not follow from."""
    elsewhere = {
        # of one program, one request or one reader: what it stops is tried again, and no row follows from it
        "answer_size", "git_memory", "git_time", "fetch_size", "disk_free", "render_time", "connections",
        "request_time", "idle_time", "deliveries_waiting", "streams", "page_size", "diff_lines", "answers_waiting",
        "answer_time",
    }  # fmt: skip
    async with Place() as place:
        config = load(place.config_file, {})
        compared = set()
        for key in LIMIT_KEYS:
            name = key.name.removeprefix("limits.")
            other = replace(config, limits=replace(config.limits, **{name: getattr(config.limits, name) + 1}))
            if of(other, ()) != of(config, ()):
                compared.add(name)
        assert compared == {key.name.removeprefix("limits.") for key in LIMIT_KEYS} - elsewhere


async def test_a_changed_setting_projects_the_world_a_fixed_number_of_times() -> None:
    """Guards C11: at a start with a changed profile the world was projected once for each repository."""
    counts = []
    for repositories in (2, 8):
        async with Place() as place:
            for n in range(repositories):
                await place.forge.create_repository(f"acme/home{n}")
                await place.forge.commit(f"acme/home{n}", {"RFC.md": b"# Document\n"}, author="ada")
            entries = {f"e{n}": rfc(f"E{n}", state="active", repo=f"acme/home{n}") for n in range(repositories)}
            await place.push(**entries)
            async with place.daemon() as daemon:
                await daemon.sweep()
            limited(place, "repository_files = 1000")
            with pytest.MonkeyPatch.context() as patch:
                page = Mock(side_effect=Book._page, autospec=True)
                patch.setattr(Book, "_page", lambda book, world, page=page: page(book, world))
                async with place.daemon():
                    counts.append(page.call_count)
    assert counts[0] == counts[1] <= 3
