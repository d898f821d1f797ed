"""How the sweeps of the daemon that runs go: the last good one, the last error, and since when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from daemon.doctor.patient import Patient
from daemon.doctor.result import Result, fail, ok, skip

CHECK: Final = "sweeps"
MOST: Final = 5
"""Of so many things that fail each has its line; of the rest there is the number."""


async def sweeping(patient: Patient) -> Sequence[Result]:
    """Ask what the daemon said of itself."""
    if patient.running is None:
        return [skip(CHECK, "no daemon runs")]
    if patient.running.sweeps is None:
        return [skip(CHECK, "the daemon that runs is of another version and says nothing of them", "start it anew")]
    return judged(patient.running.sweeps)


def judged(sweeps: Mapping[str, Any]) -> list[Result]:
    """One line for each thing that fails; well where nothing does. Pure."""
    good, failing = _time(sweeps.get("good_at")), list(sweeps.get("failing") or ())
    failed = int(sweeps.get("failed") or 0)
    if not failing:
        if sweeps.get("ended_at") is None:
            return [ok(CHECK, f"the first one is under way; the last good one of a former run ended: {good}")]
        if not failed:
            return [ok(CHECK, f"the last good one ended {good}")]
        what = f"the last {failed} failed, since {_time(sweeps.get('failed_since'))}; the last good one ended: {good}"
        return [fail(CHECK, what, "run `forgeglass sweep`, which says what it could not read")]
    found = [fail(CHECK, _said(one, good), str(one.get("remedy") or "look at the daemon's log")) for one in failing]
    if len(found) <= MOST:
        return found
    more = fail(CHECK, f"{len(found) - MOST} more things fail", "`forgeglass status` names each")
    return [*found[:MOST], more]


def _said(one: Mapping[str, Any], good: str) -> str:
    return f"{one.get('subject')} fails since {_time(one.get('since'))} (last good sweep: {good}): {one.get('error')}"


def _time(value: object) -> str:
    return f"{datetime.fromisoformat(value):%Y-%m-%d %H:%M:%S} UTC" if isinstance(value, str) else "never"
