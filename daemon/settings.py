"""What rows follow from besides the forge: profiles, and those values of the configuration that decide what is read.

They stand in `cache.db`. Where they are others at a start, what was read before is read again from the object stores,
and projected anew; the forge is asked only for what the stores lack.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.model import RepositoryEvidence
from cache.profile.collection import Block
from cache.store.writer import get_meta, put_meta
from cache.world import World
from daemon.blocks import fingerprint
from daemon.book import Book
from daemon.config import Config
from daemon.desk import Desk
from gitea_client.errors import ForgeError

log = structlog.get_logger(__name__)

ROUNDS = 8
"""So often what comes within reach by what was read anew is read too; the sweep that follows reads the rest."""


class Settings(Struct, frozen=True):
    """What rows follow from: a fingerprint of the profiles, and the configuration's own values by their keys."""

    profiles: str
    values: Mapping[str, int | str]


def of(config: Config, blocks: tuple[Block, ...]) -> Settings:
    """The settings of a configuration."""
    limits = config.limits
    return Settings(
        fingerprint(blocks),
        {
            "forge.max_file_size": config.forge.max_file_size,
            "forge.owners": " ".join(sorted(owner.lower() for owner in config.forge.owners)),
            "limits.repository_changes": limits.repository_changes,
            "limits.repository_files": limits.repository_files,
            "limits.repository_text": limits.repository_text,
            "limits.tree_paths": limits.tree_paths,
        },
    )


async def recorded(connection: AsyncConnection) -> Settings | None:
    """Those that the rows of `cache.db` follow from; None where there are no rows yet."""
    profiles, values = await get_meta(connection, "profiles"), await get_meta(connection, "settings")
    if profiles is None:
        return None
    return Settings(profiles, msgspec.json.decode(values, type=dict[str, int | str]) if values is not None else {})


async def record(connection: AsyncConnection, settings: Settings) -> None:
    """Note which settings the rows follow from."""
    await put_meta(connection, "profiles", settings.profiles)
    await put_meta(connection, "settings", msgspec.json.encode(settings.values, order="deterministic").decode())


async def follow(desk: Desk, before: Settings | None, now: Settings) -> None:
    """Bring the rows to what follows from today's settings; the forge is not asked."""
    if before is None or before == now:
        return
    changed = sorted(key for key in {*before.values, *now.values} if before.values.get(key) != now.values.get(key))
    changed = [*(["profiles"] if before.profiles != now.profiles else []), *changed]
    log.info("settings.changed", changed=changed, remedy="rows are projected anew from what was read before")
    book = desk.book
    refetched = "forge.max_file_size" in changed
    done: set[tuple[int, str]] = set()
    for _ in range(ROUNDS):
        fresh = [await _read(desk, evidence, refetched) for evidence in _due(book, done)]
        if not fresh and done:
            break
        done |= {(one.repository.id, book.reach.interests[one.repository.id].canonical) for one in fresh}
        await book.turn(lambda world, fresh=tuple(fresh): _with(world, fresh))  # type: ignore[misc]
    await book.turn(lambda world: world)


def _due(book: Book, done: Collection[tuple[int, str]]) -> list[RepositoryEvidence]:
    """What is within reach, and was not yet read anew for what is wanted of it now."""
    interests = book.reach.interests
    return [
        evidence
        for key, evidence in book.world.mirrored.items()
        if key in interests and (key, interests[key].canonical) not in done
    ]


async def _read(desk: Desk, evidence: RepositoryEvidence, refetched: bool) -> RepositoryEvidence:
    """The same evidence as it is read today; without an interest where the next look has to ask the forge."""
    interest = desk.book.reach.interests[evidence.repository.id]
    try:
        fresh = await desk.reconciler.reader.from_store(evidence, interest, desk.book.blocks)
    except ForgeError as error:
        log.info("repository.read_again", repository_id=evidence.repository.id, error=str(error))
        return replace(evidence, interest="")
    lacking = refetched and any(blob.packed is None for blob in fresh.blobs.values())
    return replace(fresh, interest="") if lacking else fresh


def _with(world: World, evidence: Iterable[RepositoryEvidence]) -> World:
    for each in evidence:
        world = world.with_evidence(each)
    return world

