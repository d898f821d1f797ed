"""Parameters that are about the answer, not about what is asked. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from cache.profile.scalars import is_repository
from daemon.api.problems import ProblemError

Pairs = Sequence[tuple[str, str]]

WAITING = ("wait_for", "timeout")
"""Parameters that every read knows."""
DEFAULT_TIMEOUT, MAX_TIMEOUT = 10.0, 60.0

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_SECONDS = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,3})?)s?", re.ASCII)
_POSITION = re.compile(r"(?:(?P<epoch>[^:]{1,100}):)?(?P<sequence>[0-9]{1,18})", re.ASCII)


class Awaited(Struct, frozen=True):
    """What must be in the rows before they are read: a commit, and how long to wait for it in seconds."""

    full_name: str
    commit: str
    timeout: float


class FeedPlace(Struct, frozen=True):
    """A reader's place in the feed: everything up to `sequence` was read."""

    epoch: str
    sequence: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.sequence}"


def one(pairs: Pairs, name: str) -> str | None:
    """A parameter that may stand there once."""
    values = [value for key, value in pairs if key == name]
    if len(values) > 1:
        raise ProblemError("bad-value", f"{name} stands there {len(values)} times; keep one.", parameter=name)
    return values[0] if values else None


def awaited(pairs: Pairs) -> Awaited | None:
    """What `wait_for=owner/repo@commit&timeout=` asks for."""
    text, seconds = one(pairs, "wait_for"), one(pairs, "timeout")
    # a generated client sends what has a default with every call: alone it is checked, and waits for nothing
    wait = DEFAULT_TIMEOUT if seconds is None else duration("timeout", seconds)
    if text is None:
        return None
    full_name, _, commit = text.rpartition("@")
    if not is_repository(full_name) or not _COMMIT.fullmatch(commit.lower()):
        message = f"wait_for is {text[:100]!r}; it must be owner/repository@commit, with the whole commit id."
        raise ProblemError("bad-value", message, parameter="wait_for")
    return Awaited(full_name, commit.lower(), wait)


def duration(name: str, text: str, longest: float = MAX_TIMEOUT) -> float:
    """Seconds, written `5` or `5s`."""
    found = _SECONDS.fullmatch(text)
    if found is None or float(found[1]) > longest:
        message = f"{name} is {text[:100]!r}; it must be seconds from 0 to {longest:g}, as 5s."
        raise ProblemError("bad-value", message, parameter=name)
    return float(found[1])


def flag(pairs: Pairs, name: str) -> bool:
    """A parameter that is true or false; false where it is not there."""
    text = one(pairs, name)
    if text not in (None, "true", "false"):
        raise ProblemError("bad-value", f"{name} is {text[:100]!r}; it must be true or false.", parameter=name)
    return text == "true"


def bodies(pairs: Pairs) -> bool:
    """Whether `include=body` asks for bodies as well."""
    include = one(pairs, "include")
    if include not in (None, "body"):
        raise ProblemError("bad-value", f"include is {include[:100]!r}; it can be body.", parameter="include")
    return include == "body"


def feed_place(text: str, epoch: str | None, current: str, parameter: str) -> FeedPlace:
    """A position `EPOCH:SEQ`, or a bare sequence with its epoch beside it (by default the one of now)."""
    found = _POSITION.fullmatch(text)
    if found is None:
        message = f"{parameter} is {text[:100]!r}; it must be a position as an earlier answer gave it, EPOCH:SEQUENCE."
        raise ProblemError("bad-position", message, parameter=parameter)
    said = found["epoch"]
    if said is not None and epoch is not None and said != epoch:
        message = f"{parameter} and epoch name two epochs; keep the one that came with the position."
        raise ProblemError("bad-position", message, parameter=parameter)
    return FeedPlace(said or epoch or current, int(found["sequence"]))
