"""`/api/v1/status` and what `/readyz` and the gauges are made of."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec.structs import asdict, replace

from cache.queries.findings import finding_counts
from cache.queries.visible import visible_ids
from cache.rows import FindingRow, LookRow, OwnerRow
from cache.sweep_history import SweepRecord
from cache.viewer import EVERYTHING, Viewer
from daemon.control import Progress
from daemon.data_dir.telling import data_files
from daemon.engine import Engine
from daemon.failing.failures import KINDS, SUBJECTS, Failure
from daemon.sweep.schedule import Schedule


async def status(engine: Engine, schedule: Schedule, version: str, viewer: Viewer) -> dict[str, Any]:
    """How everything stands: sweeps, repositories, deliveries, the feed.

    Of what the viewer does not see, neither names nor numbers; what the daemon itself does is told as in `/metrics`.
    """
    async with engine.cache.read() as connection:
        seen = await visible_ids(connection, viewer)
        findings = await finding_counts(connection, viewer)
    book, failures = engine.desk.book, engine.failures
    backlog = await engine.inbox.backlog()
    sweeps = await engine.state.sweeps.last(10)
    now = engine.clock()
    backoffs = engine.desk.queue.backoffs()
    repositories = []
    for repository_id in sorted(book.reach.interests):
        if seen is not None and repository_id not in seen:
            continue
        repository = book.world.listed[repository_id]
        look = book.look(repository_id)
        hidden = seen is not None and look.last_error is not None and failures.is_storage(str(repository_id))
        repositories.append(
            {
                "id": repository_id,
                "full_name": repository.full_name,
                "observed_at": look.observed_at,
                "verified_at": look.verified_at,
                "delivered_at": look.delivered_at,
                "failures": look.failures,
                "in_back_off": repository_id in backoffs,
                "last_error": NOT_SHOWN if hidden else look.last_error,
                "last_error_at": look.last_error_at,
                "remedy": HOW_TO_SEE if hidden else look.remedy,
            }
        )
    built: dict[str, Any] = msgspec.to_builtins(
        {
            "version": version,
            "at": now,
            "epoch": engine.epoch.now,
            "sequence": engine.store.sequence,
            "first_sweep_done": schedule.first.is_set(),
            "well": not failures.open,
            "failing": [_shown(one, seen, engine) for one in failures.open],
            "good_sweep_at": failures.good_sweep,
            "failed_sweeps": failures.bad_sweeps,
            "failed_sweeps_since": failures.bad_since,
            "paused": failures.paused,
            "owners": list(_owners(engine, seen)),
            "repositories": repositories,
            "unknown_names": sorted(book.reach.unknown) if seen is None else [],
            "deliveries": {"pending": backlog.pending, "oldest": backlog.oldest, "states": dict(backlog.states)},
            "data": await data_files(engine, whole=seen is None),
            "queue": {"waiting": len(engine.desk.queue), "running": len(engine.desk.queue.running)},
            "sweeps": [_sweep(one, whole=seen is None) for one in sweeps],
            "findings": findings,
            "requests": {
                "rest": engine.forge.transport.counter.rest,
                "git": engine.forge.transport.counter.git,
            },
        }
    )
    return built


async def status_command(
    engine: Engine, schedule: Schedule, version: str, _arguments: Mapping[str, Any], _progress: Progress
) -> tuple[dict[str, Any], int]:
    """All of it, for the control socket, which is open to the daemon's own user and to root; 1: something fails."""
    told = await status(engine, schedule, version, EVERYTHING)
    return {"pid": os.getpid(), **told}, 0 if told["well"] else 1


NOT_SHOWN: Final = "it fails; with what, is shown to those who see everything"
"""Stands for an error that the viewer may not read: null would read as health."""
HOW_TO_SEE: Final = "ask with a token that sees everything, or run `forgeglass status` as the daemon's user"

_UNCOUNTED: Mapping[str, Any] = {"repositories": 0, "reconciled": 0, "changes": 0}
"""What a sweep counted, as it is told to those who do not see all repositories."""


def _sweep(one: SweepRecord, *, whole: bool) -> dict[str, Any]:
    told = one if whole else replace(one, **_UNCOUNTED, errors=(NOT_SHOWN,) if one.errors else ())
    return {**asdict(told), "failed": bool(one.errors)}


def _shown(failure: Failure, seen: frozenset[int] | None, engine: Engine) -> dict[str, Any]:
    """A failure; to those who do not see all, that there is one, since when, and of what they see also which."""
    told = {name: value for name, value in asdict(failure).items() if name != "key"} | {"subject": failure.subject}
    of_seen = failure.what == "repository" and failure.key.isdecimal() and seen is not None and int(failure.key) in seen
    if seen is None or (of_seen and not engine.failures.is_storage(failure.key)):
        return told
    subject = SUBJECTS[failure.what].format("").strip()
    return {**told, "name": "", "subject": subject, "error": NOT_SHOWN, "remedy": HOW_TO_SEE}


def _owners(engine: Engine, seen: frozenset[int] | None) -> Iterator[dict[str, Any]]:
    """The owners; where not all is seen, those with something that is, and how much of theirs."""
    book = engine.desk.book
    shown = Counter(repository.owner.lower() for key, repository in book.world.listed.items() if key in (seen or ()))
    for row in book.rows[OwnerRow].values():
        if not isinstance(row, OwnerRow) or (seen is not None and not shown[row.name.lower()]):
            continue
        yield {
            "name": row.name,
            "organization": row.organization,
            "repositories": row.total if seen is None else shown[row.name.lower()],
            "swept_at": row.swept_at,
            "listed_at": row.listed_at,
            "last_error": row.last_error if seen is None or row.last_error is None else NOT_SHOWN,
        }


def _findings(engine: Engine) -> Counter[str]:
    rows = engine.desk.book.rows[FindingRow].values()
    return Counter(row.rule for row in rows if isinstance(row, FindingRow))


async def gauge(engine: Engine, stale_after: float) -> None:
    """Bring the gauges up to date, when they are asked for."""
    metrics, book, now = engine.metrics, engine.desk.book, engine.clock()
    backlog = await engine.inbox.backlog()
    metrics.inbox_pending.set(backlog.pending)
    metrics.inbox_oldest_seconds.set((now - backlog.oldest).total_seconds() if backlog.oldest else 0)
    metrics.queue_waiting.set(len(engine.desk.queue))
    metrics.queue_running.set(len(engine.desk.queue.running))
    metrics.forge_paused.set(engine.failures.paused)
    failing = Counter(one.what for one in engine.failures.open)
    for what in KINDS:
        metrics.failing.labels(what).set(failing[what])
    metrics.feed_sequence.set(engine.store.sequence)
    metrics.set_findings(dict(_findings(engine)))
    swept = {row.name.lower(): row.swept_at for row in book.rows[OwnerRow].values() if isinstance(row, OwnerRow)}
    states: Counter[str] = Counter(fresh=0, stale=0, backoff=0)
    oldest = 0.0
    for repository_id in book.reach.interests:
        look = book.look(repository_id)
        seen = _seen(look, swept.get(book.world.listed[repository_id].owner.lower()))
        age = (now - seen).total_seconds() if seen else None
        oldest = max(oldest, age or 0.0)
        states["backoff" if look.failures else "fresh" if age is not None and age <= stale_after else "stale"] += 1
    metrics.freshness_seconds.set(oldest)
    for state, count in states.items():
        metrics.repositories.labels(state).set(count)


def _seen(look: LookRow, swept_at: datetime | None) -> datetime | None:
    """When a repository was last read or, by a sweep of its owner, found unchanged; None where it was never read."""
    if look.observed_at is None or swept_at is None or look.failures or look.due_at:
        return look.observed_at
    return max(look.observed_at, swept_at)
