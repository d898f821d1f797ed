"""The databases in data_dir: whether they are whole, and what happened to them lately."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from cache.store.sqlite_file import OthersFileError, read_only
from daemon.control import CommandError, NotRunningError, run_remote
from daemon.data_dir.inspecting import StateLostError, require_state
from daemon.doctor.patient import Patient
from daemon.doctor.result import Result, fail, warn

LATELY: Final = timedelta(days=7)
"""For so long an incident is a warning."""
NOTHING: Final = "nothing is to be done; if nobody knows why it happened, look who else may write there"


async def data_files(patient: Patient) -> Sequence[Result]:
    """Ask the daemon that has them open; where none runs, look at them."""
    if patient.running is not None:
        try:
            answer, _ = await run_remote(patient.running.socket, "data-files", {}, lambda _progress: None)
        except (CommandError, NotRunningError, OSError):
            return []
        return [*_problems(answer.get("problems") or ()), *_incidents(patient, answer.get("incidents") or ())]
    return await asyncio.to_thread(lambda: list(_looked_at(patient)))


def _looked_at(patient: Patient) -> Iterator[Result]:
    folder = patient.config.data_dir
    try:
        require_state(folder)
    except StateLostError as error:
        what, _, remedy = str(error).partition(". ")
        yield fail("state.db", what, remedy)
        return
    except OthersFileError:
        return  # told by the check of data_dir
    except sqlite3.Error as error:
        yield fail("state.db", f"the databases in {folder} cannot be read ({error})", "let this user read and write it")
        return
    yield from _incidents(patient, _kept(folder / "state.db"))


def _kept(path: Path) -> list[Mapping[str, Any]]:
    """The incidents in a `state.db` that nobody has open; none in one of a former version."""
    if not path.exists():
        return []
    try:
        with contextlib.closing(sqlite3.connect(read_only(path), uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute("SELECT * FROM incidents ORDER BY id DESC LIMIT 50")]
    except sqlite3.Error:
        return []


def _problems(rows: Sequence[Mapping[str, Any]]) -> Iterator[Result]:
    for each in rows:
        yield fail(str(each.get("file")), f"{each.get('what')} (since {each.get('since')})", str(each.get("remedy")))


def _incidents(patient: Patient, rows: Sequence[Mapping[str, Any]]) -> Iterator[Result]:
    since = f"{patient.clock() - LATELY:%Y-%m-%dT%H:%M:%SZ}"
    for each in rows:
        if str(each.get("at")) >= since:
            what = f"{each.get('at')}: {each.get('what')}"
            yield warn(str(each.get("file")), what, str(each.get("remedy") or NOTHING))
