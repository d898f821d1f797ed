"""Parameters that are about the answer, not about what is asked. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from daemon.api.problems import ProblemError

Pairs = Sequence[tuple[str, str]]

WAITING = ("wait_for", "timeout")
"""Parameters that every read knows."""
DEFAULT_TIMEOUT, MAX_TIMEOUT = 10.0, 60.0

AWAITED = r"^(?!\.{1,2}/)[A-Za-z0-9._-]{1,100}/(?!\.{1,2}@)[A-Za-z0-9._-]{1,100}@(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64})$"
SECONDS = r"^(?:[0-5]?[0-9](?:\.[0-9]{1,3})?|60(?:\.0{1,3})?)s?$"
POSITION = r"^(?:[^:]{1,100}:)?[0-9]{1,18}$"
"""How values look, as the description of the API has it (ECMA 262); what looks so is understood."""
_AWAITED = re.compile(AWAITED, re.ASCII)
_SECONDS = re.compile(SECONDS, re.ASCII)
_POSITION = re.compile(POSITION, re.ASCII)


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
    if not _AWAITED.fullmatch(text):
        message = f"wait_for is {text[:100]!r}; it must be owner/repository@commit, with the whole commit id."
        raise ProblemError("bad-value", message, parameter="wait_for")
    return Awaited(full_name, commit.lower(), wait)


def duration(name: str, text: str, longest: float = MAX_TIMEOUT) -> float:
    """Seconds, written `5` or `5s`."""
    if not _SECONDS.fullmatch(text) or float(text.removesuffix("s")) > longest:
        message = f"{name} is {text[:100]!r}; it must be seconds from 0 to {longest:g}, as 5s."
        raise ProblemError("bad-value", message, parameter=name)
    return float(text.removesuffix("s"))


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
    """A position `EPOCH:SEQ`, or a bare sequence with its epoch beside it (by default the one of now).

    ProblemError: `bad-position`; `resync` where the two epochs differ, as one of them is not the feed's.
    """
    if not _POSITION.fullmatch(text):
        message = f"{parameter} is {text[:100]!r}; it must be a position as an earlier answer gave it, EPOCH:SEQUENCE."
        raise ProblemError("bad-position", message, parameter=parameter)
    before, _, sequence = text.rpartition(":")
    said = before or None
    if said is not None and epoch is not None and said != epoch:
        message = f"{parameter} and epoch name two epochs; keep the one that came with the position."
        raise ProblemError("resync", message, parameter=parameter, epoch=current)
    return FeedPlace(said or epoch or current, int(sequence))
