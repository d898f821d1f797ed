"""Evidence survives its way into rows and back, through SQLite too: what was read is never read again for nothing."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from histories import BLOCKS, HISTORIES, told
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from worlds import T0, Forge, rfc

from cache.diff import changes
from cache.projection.names import path_of, shown_path, stored_path
from cache.projection.project import project
from cache.rows import EVIDENCE, PROJECTED, FileVersionRow, RepositoryRow, Rows, tabulate
from cache.store.database import Database
from cache.store.migrating import upgrade
from cache.store.writer import Store
from cache.world import World, evidence_rows, world_of

History = list[tuple[Any, ...]]


async def through_sqlite(rows: Rows) -> Rows:
    """The same rows, written to a file and loaded from it."""
    with tempfile.TemporaryDirectory() as folder:
        async with Database(Path(folder) / "cache.db") as database:
            await upgrade(database, "cache")

            async def reserve(count: int) -> range:
                return range(1, count + 1)

            store = Store(database, reserve)
            await store.apply(changes({}, rows), at=T0, rows=rows)
            return await store.load((*EVIDENCE, *PROJECTED))


@given(HISTORIES)
def test_rows_hold_the_whole_world(history: History) -> None:
    world = told(history).world()
    assert world_of(evidence_rows(world), world.tombstones) == world


@given(HISTORIES)
@settings(max_examples=25)
def test_a_file_holds_the_whole_world_and_every_projected_row(history: History) -> None:
    """Guards: a text, time or number that SQLite gives back otherwise, so that a restart finds changes everywhere."""
    world = told(history).world()
    rows = {**evidence_rows(world), **project(world, BLOCKS)}
    loaded = asyncio.run(through_sqlite(rows))
    assert changes(loaded, rows) == ()
    assert world_of(loaded, world.tombstones) == world


@given(st.text(alphabet=st.characters() | st.sampled_from("\udc80\udcff\x1a\\dc")))
def test_a_path_of_any_bytes_can_be_stored_and_had_back(path: str) -> None:
    stored_path(path).encode()
    shown_path(path).encode()
    assert path_of(stored_path(path)) == path


@given(st.lists(st.text(alphabet="a\x1a\udc80\udcffdcf8", max_size=12), unique=True))
def test_two_paths_never_become_one(paths: list[str]) -> None:
    """Guards: two versions that claim one row, which would stop every write."""
    assert len({stored_path(path) for path in paths}) == len(paths)


def test_a_path_that_is_unicode_is_stored_as_it_is() -> None:
    assert stored_path("rfcs/caf\u00e9 \\x80.md") == "rfcs/caf\u00e9 \\x80.md"


def test_a_repository_renamed_in_the_list_and_not_read_since_is_kept_under_its_new_name() -> None:
    """Guards: a restart that knows the old name again, and finds nothing under the new one."""
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.push({"rfcs/one.md": rfc()})
    world = forge.world()
    renamed = replace(world, listed={meta.id: replace(meta.repository, name="renamed")})
    rows = evidence_rows(renamed)
    (row,) = rows[RepositoryRow].values()
    assert isinstance(row, RepositoryRow)
    assert (row.full_name, row.depth) == ("acme/renamed", "files")
    assert world_of(rows, world.tombstones).find("acme/renamed") == meta.id


def test_a_listed_repository_costs_one_row_and_is_not_mirrored() -> None:
    forge = Forge()
    forge.repository("acme/meta")
    other = forge.repository("acme/other")
    other.push({"rfcs/one.md": rfc()})
    rows = evidence_rows(forge.world())
    assert [row.depth for row in rows[RepositoryRow].values() if isinstance(row, RepositoryRow)] == ["files", None]
    assert rows[FileVersionRow] == {}


def test_names_fold_case_and_a_listed_name_wins_over_an_alias() -> None:
    forge = Forge()
    old, new = forge.repository("acme/old"), forge.repository("Acme/New")
    world = replace(forge.world(), aliases={"acme/old": new.id, "acme/former": new.id})
    assert world.find("ACME/Old") == old.id
    assert world.find("acme/former") == world.find("acme/new") == new.id
    assert world.find("acme/nobody") is None


def test_of_two_repositories_listed_under_one_name_the_newer_is_taken() -> None:
    """A name given away and reused, of which only the new repository was read so far."""
    forge = Forge()
    forge.repository("acme/meta", id=9)
    forge.repository("acme/meta", id=4)
    assert forge.world().find("acme/meta") == 9


def test_a_world_without_a_repository_lacks_its_evidence_and_where_it_is_gone_its_name() -> None:
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.push({"rfcs/one.md": rfc()})
    world = replace(forge.world(), aliases={"acme/old": meta.id})
    unread, gone = world.without(meta.id, listed=True), world.without(meta.id, listed=False)
    assert (unread.mirrored, unread.find("acme/meta"), unread.find("acme/old")) == ({}, meta.id, meta.id)
    assert (gone.find("acme/meta"), gone.find("acme/old")) == (None, None)


def test_two_rows_for_one_key_are_an_error_of_ours_and_told() -> None:
    row = next(iter(evidence_rows(_one())[RepositoryRow].values()))
    with pytest.raises(ValueError, match="two rows claim repositories 1"):
        tabulate([row, row], EVIDENCE)


def _one() -> World:
    forge = Forge()
    forge.repository("acme/meta")
    return forge.world()
