"""A profile may change between two runs: what was read before is projected anew, without asking the forge."""

from __future__ import annotations

from pathlib import Path

from serving_place import META, ROOT, Place, rfc

RFC = (ROOT / "deploy" / "profiles" / "rfc.yaml").read_text()


def written(place: Place, *changes: tuple[str, str]) -> Path:
    """A copy of the rfc profile of the place's own, with changes."""
    text = RFC
    for before, after in changes:
        assert text.count(before) >= 1, before
        text = text.replace(before, after, 1)
    path = place.root / "mine.yaml"
    path.write_text(text)
    place.configure(profile="mine.yaml")
    return path


async def test_a_field_that_is_added_is_filled_from_what_was_read() -> None:
    """Guards against a rebuild, which on a large forge takes minutes, for a line in a profile."""
    async with Place() as place:
        written(place)
        await place.push(one=rfc("One", severity="high"), two=rfc("Two"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            position = (await daemon.get("/api/v1/changes?after=latest"))[1]["next"]
            assert "severity" not in (await daemon.get("/api/v1/rfcs/two"))[1]["fields"]
        written(place, ("      tags:", "      severity: {type: string, default: low}\n      tags:"))
        mark = place.forge.mark()
        async with place.daemon() as daemon:
            assert place.forge.requests_since(mark) == []
            items = (await daemon.get("/api/v1/rfcs"))[1]["items"]
            found = {item["slug"]: item["fields"]["severity"] for item in items}
            assert found == {"one": "high", "two": "low"}
            items = (await daemon.get(f"/api/v1/changes?after={position}"))[1]["items"]
            assert {(item["kind"], item["key"]) for item in items} >= {("entry", "two")}
            assert (await daemon.command("verify"))[1] == 0


async def test_a_path_that_changes_brings_other_files_without_a_request() -> None:
    """Guards against rows of files that the profile no longer names, and against asking for files already held."""
    async with Place() as place:
        written(place)
        await place.push(one=rfc("One"))
        await place.forge.commit(META, {"ideas/two.md": rfc("Two")}, author="ada")
        async with place.daemon() as daemon:
            await daemon.sweep()
            assert await daemon.titles() == {"one": "One"}
        written(place, ('path: "rfcs/{slug}.md"', 'path: "ideas/{slug}.md"'))
        mark = place.forge.mark()
        async with place.daemon() as daemon:
            assert place.forge.requests_since(mark) == []
            assert await daemon.titles() == {"two": "Two"}
            assert (await daemon.command("verify"))[1] == 0


async def test_a_column_of_a_view_that_is_added_is_there_at_the_next_start() -> None:
    """Guards those who read `cache.db` itself: a view follows its profile."""
    async with Place() as place:
        written(place)
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await daemon.sweep()
        written(place, ("      slug: key.slug\n", "      slug: key.slug\n      heading: title\n"))
        async with place.daemon():
            ran = await place.command("query", "--json", "SELECT heading FROM cached_rfcs")
            assert (ran.code, ran.json) == (0, [{"heading": "One"}])


async def test_a_profile_that_reaches_other_repositories_has_them_with_the_next_sweep() -> None:
    """Guards against repositories that are within reach and wait for a deep sweep, and against those let go of."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        await place.forge.create_repository("acme/other")
        await place.forge.commit("acme/other", {"rfcs/elsewhere.md": rfc("Elsewhere")}, author="ada")
        async with place.daemon() as daemon:
            await daemon.sweep()
            assert await daemon.titles() == {"one": "One"}
        place.config_file.write_text(place.config_file.read_text().replace(META, "acme/other"))
        mark = place.forge.mark()
        async with place.daemon() as daemon:
            assert place.forge.requests_since(mark) == []
            await daemon.sweep()
            assert await daemon.titles() == {"elsewhere": "Elsewhere"}
            assert (await daemon.command("verify"))[1] == 0
