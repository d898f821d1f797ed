"""The bytes of files, a bounded part at a time: each file's newest version, and older ones back to one that reads well.

Whether a version reads well is found by reading it, which takes its time with hostile text: that is done beside the
event loop.
"""

from __future__ import annotations

import asyncio
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import cast

from msgspec import Struct

from cache.model import Blob, FileVersion
from cache.projection.reading import trailing
from gitea_client.objects import ObjectStore

MOST_BYTES = 8 << 20
"""Bytes of files that are read together; of one path at least one is."""
MOST_PATHS = 1000


class Examined(Struct, frozen=True):
    """What was found of one path with the blobs at hand: the next blob that is wanted, or those that are to be kept."""

    wanted: str | None
    kept: frozenset[str] = frozenset()


Examine = Callable[[str, Mapping[str, Blob]], Examined]


async def load_files(
    store: ObjectStore,
    paths: Iterable[str],
    versions: Mapping[str, Sequence[FileVersion]],
    sizes: Mapping[str, int],
    pool: dict[str, Blob],
    examine: Examine,
    max_file_size: int,
) -> set[str]:
    """Read into `pool` what `examine` wants of each path, until it wants nothing more; what is to be kept of it.

    `sizes` are those of blobs as far as they are known, in bytes. `pool` gets what is kept and nothing else.
    """
    kept: set[str] = set()
    for together in _parts(paths, versions, sizes):
        fresh: dict[str, Blob] = {}
        kept_here = await _load(store, together, versions, pool, fresh, examine, max_file_size)
        pool.update((key, blob) for key, blob in fresh.items() if key in kept_here)
        kept |= kept_here
    return kept


async def _load(
    store: ObjectStore,
    paths: Sequence[str],
    versions: Mapping[str, Sequence[FileVersion]],
    pool: Mapping[str, Blob],
    fresh: dict[str, Blob],
    examine: Examine,
    max_file_size: int,
) -> set[str]:
    at_hand = ChainMap(fresh, cast("dict[str, Blob]", pool))

    def examined(paths: Sequence[str]) -> dict[str, Examined]:
        return {path: examine(path, at_hand) for path in paths}

    kept: set[str] = set()
    pending, older = list(paths), 0
    while pending:
        found = await asyncio.to_thread(examined, pending)
        kept.update(key for each in found.values() for key in each.kept)
        wanted = {path: _from(versions[path], each.wanted, older) for path, each in found.items() if each.wanted}
        if wanted:
            ids = await _affordable(store, wanted) if older else {ids[0] for ids in wanted.values()}
            fresh |= await store.blobs(ids, max_bytes=max_file_size)
        pending, older = list(wanted), 4 * older + 3
    return kept


async def _affordable(store: ObjectStore, wanted: Mapping[str, Sequence[str]]) -> set[str]:
    """Of what is wanted the first of each path, and of the others as much as may be read together."""
    sizes = await store.sizes({key for ids in wanted.values() for key in ids})
    chosen = {ids[0] for ids in wanted.values()}
    amount = sum(sizes.get(key, 0) for key in chosen)
    for ids in wanted.values():
        for key in ids[1:]:
            amount += sizes.get(key, 0)
            if amount > MOST_BYTES:
                return chosen
            chosen.add(key)
    return chosen


def _from(changes: Sequence[FileVersion], blob: str, older: int) -> tuple[str, ...]:
    """A blob with those of so many older versions: a file that was bad for long is read in few rounds."""
    run = [version.blob for version in reversed(trailing(changes)) if version.blob is not None]
    start = run.index(blob)
    return tuple(run[start : start + 1 + older])


def _parts(
    paths: Iterable[str], versions: Mapping[str, Sequence[FileVersion]], sizes: Mapping[str, int]
) -> Iterator[list[str]]:
    part: list[str] = []
    amount = 0
    for path in paths:
        size = sizes.get(versions[path][-1].blob or "", 0)
        if part and (amount + size > MOST_BYTES or len(part) >= MOST_PATHS):
            yield part
            part, amount = [], 0
        part.append(path)
        amount += size
    if part:
        yield part
