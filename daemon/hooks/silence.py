"""Noticing that a webhook has fallen silent. No I/O.

A change that a look found, and that no delivery told before it or soon after it, is a missed delivery. One alone may be
chance; where several sweeps in a row find some and nothing comes in between, whoever looks after the forge should know.
Counted are changes that webhooks do tell (refs, and pull requests as they are), of owners that were ever heard of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from cache.heard import Heard
from cache.projection.findings import Place, finding
from cache.rows import FindingRow

RULE: Final = "hook-silent"
SWEEPS: Final = 3
"""So many sweeps in a row that found missed deliveries are no chance any more."""
GRACE: Final = timedelta(seconds=30)
"""How long after a change its delivery may come: 0.8 s (Gitea) to 2.4 s (Forgejo) on idle servers, more on others."""


class _Suspect(Struct, frozen=True):
    owner: str
    repository_id: int
    since: datetime


class Silence:
    """What is known of each owner's deliveries. Owners are told apart without their case."""

    def __init__(self, owners: Iterable[str], known: Iterable[Heard]) -> None:
        self._names = {owner.lower(): owner for owner in owners}
        self._heard = {heard.owner: heard for heard in known if heard.owner in self._names}
        self._suspects: list[_Suspect] = []
        self._unsaved: set[str] = set()

    def delivered(self, owner: str, repository_id: int | None, at: datetime) -> bool:
        """A delivery came. Whether it ends a silence that was told as a finding."""
        name = owner.lower()
        if name not in self._names:
            return False
        ended = self._is_silent(self._heard.get(name))
        self._suspects = [suspect for suspect in self._suspects if suspect.repository_id != repository_id]
        self._heard[name] = Heard(name, at)
        self._unsaved.add(name)
        return ended

    def changed(self, owner: str, repository_id: int, at: datetime) -> None:
        """A look found a change that no delivery had told so far."""
        if owner.lower() in self._heard:
            self._suspects.append(_Suspect(owner.lower(), repository_id, at))

    def swept(self, at: datetime) -> Counter[str]:
        """A sweep has ended: how many changes turned out to be missed deliveries, by owner as configured."""
        missed = Counter(suspect.owner for suspect in self._suspects if suspect.since + GRACE <= at)
        self._suspects = [suspect for suspect in self._suspects if suspect.since + GRACE > at]
        for name in missed:
            heard = self._heard[name]
            self._heard[name] = replace(heard, silent_sweeps=heard.silent_sweeps + 1)
            self._unsaved.add(name)
        return Counter({self._names[name]: count for name, count in missed.items()})

    def unsaved(self) -> tuple[Heard, ...]:
        """What has changed since this was asked last, to be remembered."""
        names, self._unsaved = self._unsaved, set()
        return tuple(self._heard[name] for name in sorted(names))

    def findings(self) -> tuple[FindingRow, ...]:
        """One for each owner that has fallen silent."""
        return tuple(self._finding(heard) for heard in self._heard.values() if self._is_silent(heard))

    @staticmethod
    def _is_silent(heard: Heard | None) -> bool:
        return heard is not None and heard.silent_sweeps >= SWEEPS

    def _finding(self, heard: Heard) -> FindingRow:
        owner = self._names[heard.owner]
        message = (
            f"no webhook of {owner} has delivered anything since {heard.delivered_at:%Y-%m-%d %H:%M:%S} UTC, while "
            "sweeps keep finding changes; `forgeglass doctor` says why, `forgeglass hooks sync` mends the webhook"
        )
        return replace(finding(Place(key=owner), RULE, message), since=heard.delivered_at)
