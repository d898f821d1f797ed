"""What texts cost on the disk: the promise is less than twice what they say, the write-ahead log included."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest
from histories import BLOCKS
from worlds import T0, Forge, rfc

from cache.diff import changes
from cache.projection.project import project
from cache.rows import OPERATIONAL
from cache.store.database import Database
from cache.store.migrating import upgrade
from cache.store.writer import Store
from cache.world import evidence_rows

SEED = 7
dice = random.Random(SEED)
WORDS = ["".join(dice.choices("etaoinshrdlucmfwyp", k=dice.randint(2, 11))) for _ in range(20_000)]
"""As languages have them: a few that stand everywhere, and many that are rare."""
WEIGHTS = list(itertools.accumulate(1 / (place + 3) for place in range(len(WORDS))))


def prose(size: int) -> str:
    """So many letters; the index takes more of it than it takes of what people write (0.3 of the text)."""
    return " ".join(dice.choices(WORDS, cum_weights=WEIGHTS, k=size // 6))[:size] + "\n"


@pytest.mark.parametrize(("files", "size"), [(900, 5_000), (12, 400_000)])
async def test_a_new_cache_takes_less_than_twice_its_texts(tmp_path: Path, files: int, size: int) -> None:
    """Guards R4: 45 MB of text were 345 MB, each kept as a file, twice as a body and in the index, and in the log."""
    forge = Forge()
    meta = forge.repository("acme/meta")
    pages = {f"rfcs/page-{number}.md": rfc(f"Page {number}", body=prose(size)) for number in range(files)}
    for start in range(0, files, 3):
        meta.push(dict(itertools.islice(pages.items(), start, start + 3)))
    world = forge.world()
    rows = {**evidence_rows(world), **project(world, BLOCKS), **{kind: {} for kind in OPERATIONAL}}

    async def reserve(count: int) -> range:
        return range(1, count + 1)

    async with Database(tmp_path / "cache.db") as database:
        await upgrade(database, "cache")
        await Store(database, reserve).apply(changes({}, rows), at=T0, rows=rows)
        taken = sum(path.stat().st_size for path in tmp_path.iterdir() if not path.name.endswith("-shm"))
    assert taken < 2 * sum(len(page.encode()) for page in pages.values())
