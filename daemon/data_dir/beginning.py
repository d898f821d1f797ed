"""What a start finds in `data_dir`: a `state.db` that was lost, and two databases that do not belong together."""

from __future__ import annotations

import secrets as random_secrets
from datetime import datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from cache.feed_state import FeedPosition
from cache.state import StateStore
from cache.store.database import Database
from cache.store.writer import get_meta
from daemon.config import Config
from daemon.data_dir.inspecting import LOST, StateLostError, aside_of, require_state
from daemon.data_dir.pairing import Mark, Remark, compared, require_forge


def lost_state(data_dir: Path, at: datetime, *, new_state: bool) -> list[Remark]:
    """Raise StateLostError where `state.db` was lost; with `new_state` move what is left of it aside, and say so.

    Raises what `require_state` raises besides.
    """
    try:
        require_state(data_dir)
    except StateLostError as error:
        if not new_state:
            raise
        aside = aside_of(error.path, "lost", at)
        for end in ("", "-wal", "-shm"):
            part = error.path.with_name(error.path.name + end)
            if part.exists():
                part.replace(aside.with_name(aside.name + end))
        kept = f"; what was left of it is {aside.name} now" if aside.exists() else ""
        what = f"state.db {error.why}; a new one was begun, without what the former alone knew ({LOST}){kept}"
        remedy = "make the tokens again, and run `forgeglass hooks sync --apply`; or put a back-up in its place"
        return [Remark("state.db", "state.lost", what, remedy)]
    return []


async def paired(
    config: Config, state: StateStore, cache: Database | None, *, anew: bool
) -> tuple[list[Remark], FeedPosition]:
    """What is to be said of the two databases together, and the feed's position, of a new epoch where it has to be.

    `cache` is None where it was begun anew; `anew` says so of `state.db`. Raises OtherForgeError.
    """
    position = await state.feed.open(random_secrets.token_hex(8))
    ours = Mark(position.epoch, await state.meta.get("forge"), await state.sweeps.newest())
    theirs = None
    if cache is not None:
        async with cache.read() as connection:
            theirs = await _mark(connection)
    require_forge(ours, theirs or Mark(), config.forge.url, config.forge.aliases)
    remarks = list(compared(ours, theirs))
    if cache is None or any(remark.renew for remark in remarks):
        position = await state.feed.renew(random_secrets.token_hex(8))
    if ours.forge != config.forge.url:
        await state.meta.put("forge", config.forge.url)
    return [] if anew else remarks, position


async def _mark(connection: AsyncConnection) -> Mark:
    sweep = await get_meta(connection, "sweep")
    return Mark(await get_meta(connection, "epoch"), await get_meta(connection, "forge"), int(sweep or 0))
