"""What the command does, inside a live daemon or by itself: each gives its result and its exit code."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from cache.digest import COVERED, Difference, differences, digest
from cache.queries.sql import SqlError
from cache.rows import OPERATIONAL, Row
from cache.sweep_history import SweepRecord
from cache.world import PullTombstone, World
from daemon.control import CommandError
from daemon.desk import Desk, scratch_desk
from daemon.doctor.inside import about, data_files, probe
from daemon.engine import Engine
from daemon.failing.storage_errors import storage_trouble
from daemon.graves import FreshHeads, Tombstone
from daemon.hooks.commands import hooks_known, hooks_note
from daemon.query import run_query
from daemon.reading import missing_branches
from daemon.reconciler import tombstones_of
from daemon.report import Progress as SweepProgress
from daemon.report import Report, Trouble
from daemon.token_commands import token_create, token_list, token_revoke
from daemon.work.scope import Scope
from daemon.work.workqueue import Priority
from gitea_client.errors import Missing

Progress = Callable[[Mapping[str, Any]], None]
Result = tuple[dict[str, Any], int]

READ = 0
UNEQUAL = 1
NOT_ALL_READ = 3

MOST_DIFFERENCES = 1_000


async def sweep(engine: Engine, arguments: Mapping[str, Any], progress: Progress) -> Result:
    """One sweep now: quiet, or deep with `deep`."""
    await engine.guard.look()
    started = engine.clock()
    report = await engine.desk.sweeper.sweep(deep=bool(arguments.get("deep")), asked=True, progress=_telling(progress))
    report = await record(engine, report, started)
    engine.failures.swept(report.errors, started, complete=bool(arguments.get("deep")))
    return _reported(report)


async def rebuild(engine: Engine, arguments: Mapping[str, Any], progress: Progress) -> Result:
    """Read everything anew, and turn the live rows into what was read in one transaction.

    Readers see the rows before or the rows after; what differs is published in the change feed. While it runs,
    deliveries are kept and looked at afterwards.
    """
    await engine.guard.look()  # else rows may go into a file that no path leads to
    started, begun = engine.clock(), time.perf_counter()
    fresh_objects = engine.config.data_dir / "objects.new"
    shutil.rmtree(fresh_objects, ignore_errors=True)
    fresh_objects.mkdir(mode=0o750)
    try:
        async with _held_still(engine.desk):
            report = await _read_anew(engine, fresh_objects, _telling(progress))
    finally:
        shutil.rmtree(fresh_objects, ignore_errors=True)
    report = replace(report, kind="rebuild", seconds=round(time.perf_counter() - begun, 3))
    report = await record(engine, report, started)
    await engine.guard.look()
    if wrong := engine.guard.problems:
        raise CommandError(f"{wrong[0].what}; {wrong[0].remedy}")
    return _reported(report)


@asynccontextmanager
async def _held_still(desk: Desk) -> AsyncIterator[None]:
    """Nothing reads into the live cache meanwhile: an older reading must not overwrite a newer one."""
    async with desk.sweeper.alone():
        desk.queue.paused(float("inf"))
        try:
            await desk.workers.idle()
            yield
        finally:
            desk.workers.resume()


async def _read_anew(engine: Engine, objects: Path, progress: SweepProgress) -> Report:
    live = engine.desk
    async with scratch_desk(engine.config, engine.forge, engine.blocks, live, objects, engine.clock) as scratch:
        report = await scratch.sweeper.sweep(deep=True, again=True, asked=True, progress=progress)
        if report.errors:
            return report
        applied = engine.store.applied
        await _take_over(live, scratch, await _gone(engine, live.book.world, scratch.book.world))
        _swap(engine.objects, objects)
        return replace(report, changes=engine.store.applied - applied)


async def _gone(engine: Engine, live: World, fresh: World) -> frozenset[int]:
    """The owners' repositories that complete lists lack, and strangers' that were mirrored, which answer 404 by id."""
    owners = {owner.lower() for owner in engine.config.forge.owners}
    gone = set()
    for repository in live.listed.values():
        known = repository.owner.lower() in owners or repository.id in live.mirrored
        if repository.id not in fresh.listed and known:
            try:
                await engine.forge.rest.repository_by_id(repository.id)
            except Missing:
                gone.add(repository.id)
    return frozenset(gone)


async def _take_over(desk: Desk, scratch: Desk, gone: frozenset[int]) -> None:
    world = scratch.book.world
    notes = [row for kind in OPERATIONAL for row in scratch.book.rows[kind].values()]
    forget = [
        row for kind in OPERATIONAL for key, row in desk.book.rows[kind].items() if key not in scratch.book.rows[kind]
    ]
    await desk.book.turn(
        lambda live: replace(  # what is gone, and whose repositories may be read, stay as they are
            live,
            listed=world.listed,
            aliases=world.aliases,
            mirrored=world.mirrored,
            complete=world.complete,
            people=world.people,
        ),
        notes=notes,
        forget=forget,
        heads=_found_heads(desk.book.world, world),
        buried=tuple(_missing_from(desk.book.world, world, gone)),
    )


def _found_heads(live: World, fresh: World) -> FreshHeads:
    """The heads of pull requests that a fresh reading found, and that are not kept yet: the forge may forget them."""
    known, found = live.tombstones.heads, fresh.tombstones.heads
    return {
        (key, number): heads
        for key, of in found.items()
        for number, heads in of.items()
        if known.get(key, {}).get(number) != heads
    }


def _missing_from(live: World, fresh: World, gone: frozenset[int]) -> Iterator[Tombstone]:
    """What the live cache knows and a complete reading without an error did not find any more."""
    for repository_id in gone:
        yield from tombstones_of(live, live.listed[repository_id])
    for repository_id, evidence in live.mirrored.items():
        now = fresh.mirrored.get(repository_id)
        if now is not None:
            yield from missing_branches(evidence, now.branches)
            for number in set(evidence.pulls) - set(now.pulls):
                yield PullTombstone(evidence.pulls[number], evidence.pull_heads.get(number))


def _swap(objects: Path, fresh: Path) -> None:
    old = objects.with_name("objects.old")
    shutil.rmtree(old, ignore_errors=True)
    objects.replace(old)
    fresh.replace(objects)
    shutil.rmtree(old, ignore_errors=True)


async def verify(engine: Engine, arguments: Mapping[str, Any], progress: Progress) -> Result:
    """Read everything anew and compare it with the rows that `cache.db` holds.

    Where they differ, the forge may simply have moved on: the live cache follows its signals (a quiet sweep), the
    repositories that differ are read again, and only what still differs is reported.
    """
    telling = _telling(progress)
    with tempfile.TemporaryDirectory(prefix="verify-", dir=engine.config.data_dir) as folder:
        async with scratch_desk(
            engine.config, engine.forge, engine.blocks, engine.desk, Path(folder), engine.clock
        ) as scratch:
            report = await scratch.sweeper.sweep(deep=True, again=True, asked=True, progress=telling)
            found = await _compared(engine, scratch)
            if found:
                report = await _look_again(engine, scratch, found, report)
                found = await _compared(engine, scratch)
            live = await asyncio.to_thread(digest, await _live(engine))
            fresh = await asyncio.to_thread(digest, scratch.book.rows)
    result = {
        "equal": not found and not report.errors,
        "live": live.digest,
        "fresh": fresh.digest,
        "differences": msgspec.to_builtins(found[:MOST_DIFFERENCES]),
        "errors": msgspec.to_builtins(report.errors),
    }
    if report.errors:
        return result, NOT_ALL_READ
    return result, UNEQUAL if found else READ


async def _compared(engine: Engine, scratch: Desk) -> list[Difference]:
    """Where the live rows differ from those read anew. Beside the loop: rows may be many."""
    live, fresh = await _live(engine), scratch.book.rows
    return await asyncio.to_thread(lambda: list(differences(live, fresh)))


async def _look_again(engine: Engine, scratch: Desk, found: list[Difference], report: Report) -> Report:
    await engine.desk.sweeper.sweep(asked=True)
    published = engine.desk.book.world.tombstones.revisions  # numbers are given once, and not by a verification
    await scratch.book.turn(
        lambda world: replace(world, tombstones=replace(world.tombstones, revisions=published))
    )
    world = scratch.book.world
    named = {str(repository_id) for repository_id in world.mirrored}
    concerned = {part for each in found for part in _numbers(each.key) if str(part) in named}
    for repository_id in concerned or set(world.mirrored):
        await scratch.reconciler.look(repository_id, Scope(all_pulls=True, again=True), Priority.INTERACTIVE)
    again = await scratch.sweeper.sweep(asked=True)
    return replace(report, errors=[*report.errors, *again.errors])


def _numbers(key: Any) -> list[int]:
    parts = key if isinstance(key, tuple) else (key,)
    return [part for part in parts if isinstance(part, int)]


async def _live(engine: Engine) -> dict[type[Row], dict[Any, Row]]:
    return await engine.store.load(COVERED)


async def digest_rows(engine: Engine, arguments: Mapping[str, Any], progress: Progress) -> Result:
    """Hash the rows that `cache.db` holds."""
    without_state = bool(arguments.get("without_state"))
    made = await asyncio.to_thread(digest, await _live(engine), without_state=without_state)
    return msgspec.to_builtins(made), READ


async def query(engine: Engine, arguments: Mapping[str, Any], progress: Progress) -> Result:
    """Run one reading SQL statement. CommandError: it is refused, wrong, or was stopped."""
    try:
        rows = await run_query(
            engine.cache.path, str(arguments.get("sql", "")), seconds=engine.config.api.query_timeout,
            rows=int(arguments.get("rows") or 10_000),
        )  # fmt: skip
    except SqlError as error:
        raise CommandError(str(error)) from None
    return {"rows": rows}, READ


async def record(engine: Engine, report: Report, started: datetime) -> Report:
    """Keep what a sweep cost and found; its number in `cache.db` too, which tells whether the two belong together.

    The report, with what kept that from being written, if anything.
    """
    made = SweepRecord(
        kind=report.kind,
        started_at=started,
        finished_at=engine.clock(),
        requests_rest=report.requests["rest"],
        requests_git=report.requests["git"],
        repositories=report.repositories,
        reconciled=report.reconciled,
        changes=report.changes,
        errors=tuple(f"{trouble.scope}: {trouble.error}" for trouble in report.errors),
    )
    try:
        kept = await engine.state.sweeps.add(made)
        await engine.store.note("sweep", str(kept.id))
    except Exception as error:
        if (found := storage_trouble(error)) is None:
            raise
        engine.failures.stored_badly(*found)
        trouble = Trouble("storage", *found)
        report = replace(report, errors=[*(each for each in report.errors if each != trouble), trouble])
    outcome = "failed" if report.errors else "done"
    engine.metrics.sweeps.labels(report.kind, outcome).inc()
    engine.metrics.sweep_seconds.labels(report.kind).observe(report.seconds)
    return report


def _reported(report: Report) -> Result:
    result: dict[str, Any] = msgspec.to_builtins(report)
    return result, NOT_ALL_READ if report.errors else READ


def _telling(progress: Progress) -> SweepProgress:
    return lambda what, done, of: progress({"what": what, "done": done, "of": of})


COMMANDS: Mapping[str, Callable[[Engine, Mapping[str, Any], Progress], Awaitable[Result]]] = {
    "sweep": sweep,
    "rebuild": rebuild,
    "verify": verify,
    "digest": digest_rows,
    "query": query,
    "hooks-known": hooks_known,
    "hooks-note": hooks_note,
    "token-create": token_create,
    "token-list": token_list,
    "token-revoke": token_revoke,
    "about": about,
    "data-files": data_files,
    "probe": probe,
}
