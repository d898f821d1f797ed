"""What fails now: each thing once, since when, how often, with what is wrong and its remedy.

One place for what the log, `/status`, `/metrics`, `doctor`, `forgeglass status` and the console say, so that they say
the same. A failure is logged in full when it begins, every tenth time with how long it has lasted, and once when it is
over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, Literal, get_args

import structlog
from msgspec import Struct
from msgspec.structs import replace

from daemon.report import Trouble

What = Literal["forge", "storage", "program", "owner", "repository", "name", "address"]
"""forge: it does not answer, or not to us; storage: the disk under data_dir; program: a fault of Forgeglass; owner,
repository, name, address: that one could not be read or looked up."""

KINDS: Final[tuple[What, ...]] = get_args(What)

EVERY: Final = 10
"""A failure that goes on is logged again each time it has happened so often."""
_TEXTS: Final = 5
"""Different errors of one failure that are logged in full: what comes from a forge may vary without end."""

_AT_ONCE: Final = ("forge", "storage", "program")
"""What is told where it happens; a sweep's report only repeats it."""
_SWEPT: Final = ("owner", "name", "address", "program")
"""What every sweep finds out anew."""

LISTED: Final = "listed:"
"""Begins the key of a repository that a list describes in a way that cannot be used; others have their id as a key."""

log = structlog.get_logger("forgeglass.failures")


class Failure(Struct, frozen=True):
    """One thing that fails. `key` tells it from others of its kind, `name` is what people call it; both are empty where
    there is only one. `times` counts how often it was seen to fail."""

    what: What
    key: str
    name: str
    error: str
    remedy: str
    since: datetime
    last_at: datetime
    times: int = 1

    @property
    def subject(self) -> str:
        """What it is about, in words."""
        return SUBJECTS[self.what].format(self.name or self.key)


SUBJECTS: Final[dict[What, str]] = {
    "forge": "the forge",
    "storage": "the storage",
    "program": "Forgeglass itself",
    "owner": "the owner {}",
    "repository": "the repository {}",
    "name": "the name {}",
    "address": "the address {}",
}


class Failures:
    """The failures that are open. Told by whoever tries; asked by every surface."""

    def __init__(self, clock: Callable[[], datetime], *, logged: bool = True) -> None:
        self._clock = clock
        self._logged = logged
        self._open: dict[tuple[What, str], Failure] = {}
        self._said: dict[tuple[What, str], set[str]] = {}
        self._by_storage: set[str] = set()
        """Keys of the repositories that could not be written."""
        self._slow: tuple[bool, bool] = (False, False)  # logged; seen since the last sweep ended
        self.good_sweep: datetime | None = None
        """When the last sweep ended that failed at nothing."""
        self.last_sweep: datetime | None = None
        """When the last sweep ended."""
        self.bad_sweeps = 0
        """Failed sweeps in a row."""
        self.bad_since: datetime | None = None
        """When the first of them ended."""

    @property
    def open(self) -> tuple[Failure, ...]:
        """What fails now, the most far-reaching first."""
        return tuple(sorted(self._open.values(), key=lambda one: (KINDS.index(one.what), one.since, one.key)))

    @property
    def paused(self) -> bool:
        """Whether the forge fails as a whole, so that everything waits for it."""
        return ("forge", "") in self._open

    def is_storage(self, repository: str) -> bool:
        """Whether it is our own disk that keeps a repository, by its key, from being read."""
        return repository in self._by_storage

    def failed(
        self, what: What, error: str, remedy: str, *, key: str = "", name: str = "", fault: Exception | None = None
    ) -> None:
        """Something failed, once more or for the first time. `fault` is logged with its traceback."""
        place, now = (what, key), self._clock()
        before = self._open.get(place)
        if before is None:
            this = Failure(what, key, name, error, remedy, now, now)
        else:
            this = replace(before, name=name, error=error, remedy=remedy, last_at=now, times=before.times + 1)
        self._open[place] = this
        said = self._said.setdefault(place, set())
        text = f"{error} {remedy}"
        fresh = text not in said and len(said) < _TEXTS
        if fresh:
            said.add(text)
        if fresh or this.times % EVERY == 0:
            lasted = {} if before is None else {"times": this.times, "lasted": _seconds(this.since, now)}
            self._log("warning", f"{what}.failing", this, lasted | {"error": error, "remedy": remedy}, fault)

    def ended(self, what: What, key: str = "") -> None:
        """Something works again."""
        over = self._open.pop((what, key), None)
        self._said.pop((what, key), None)
        if what == "repository":
            self._by_storage.discard(key)
        if over is not None:
            took = {"times": over.times, "lasted": _seconds(over.since, self._clock())}
            self._log("info", f"{what}.recovered", over, took)

    def forgotten(self, what: What, key: str) -> None:
        """Something is not there any more, so that nobody waits for it to work again."""
        self._open.pop((what, key), None)
        self._said.pop((what, key), None)
        self._by_storage.discard(key)

    def stored_badly(self, error: str, remedy: str, *, repository: str = "") -> None:
        """Something could not be written or read on our own disk; of which repository, where it was one."""
        if repository:
            self._by_storage.add(repository)
        self.failed("storage", error, remedy)

    def slow(self, request: str, seconds: float) -> None:
        """A request has waited so long for its answer. Logged once, until a sweep passes without one that does."""
        logged, _ = self._slow
        if not logged and not self.paused:
            remedy = "look at the forge's load; what was read before is served meanwhile"
            log.warning("forge.slow", request=request, waited=seconds, remedy=remedy)
        self._slow = (True, True)

    def swept(self, troubles: Sequence[Trouble], began: datetime, *, complete: bool) -> None:
        """A sweep ended that began then: what it could not read fails, and all else that it looked at does not.

        `complete` says that it read the complete lists.
        """
        now = self._clock()
        seen: set[tuple[What, str]] = set()
        for trouble in troubles:
            kind, _, name = trouble.scope.partition(":")
            by_itself = kind in _AT_ONCE or (kind == "repository" and "/" in name)
            if kind in _AT_ONCE:
                seen.add((KINDS[KINDS.index(kind)], ""))
            if by_itself or kind not in KINDS or (kind == "owner" and self.paused):
                continue  # told where it happened, or a consequence
            what = KINDS[KINDS.index(kind)]
            key = f"{LISTED}{name}" if what == "repository" else name
            seen.add((what, key))
            self.failed(what, trouble.error, trouble.remedy, key=key, name=name)
        if not self.paused:
            for what, key in self._open.keys() - seen:
                if what in _SWEPT or (complete and key.startswith(LISTED)):
                    self.ended(what, key)
        storage, before = self._open.get(("storage", "")), self.last_sweep
        written = ("storage", "") not in seen and not self._by_storage and before is not None
        if storage is not None and written and storage.last_at <= min(began, before or began):
            self.ended("storage")  # nothing was refused since the sweep before ended, a delivery neither
        logged, lately = self._slow
        self._slow = (logged and lately, False)
        self.last_sweep = now
        if troubles:
            self.bad_sweeps += 1
            self.bad_since = self.bad_since or now
        else:
            self.good_sweep, self.bad_sweeps, self.bad_since = now, 0, None

    def _log(
        self, level: str, event: str, failure: Failure, fields: dict[str, Any], fault: Exception | None = None
    ) -> None:
        if self._logged:
            about = {failure.what: failure.name or failure.key} if failure.key else {}
            getattr(log, level)(event, **about, **fields, **({"exc_info": fault} if fault is not None else {}))


def _seconds(since: datetime, now: datetime) -> float:
    return round((now - since).total_seconds(), 1)
