"""What a check found: one line, and where something is wrong a second with the remedy."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

Status = Literal["ok", "warn", "fail", "skip"]

_LONGEST: Final = 400


class Result(Struct, frozen=True):
    """One thing that was looked at.

    `check` names it, `what` says what was found, `remedy` what to do; the latter is empty where there is nothing to
    do. ok: as it should be; warn: it runs, and somebody should look; fail: something does not work; skip: not looked
    at, `what` says why.
    """

    check: str
    status: Status
    what: str
    remedy: str = ""


def ok(check: str, what: str) -> Result:
    """As it should be."""
    return Result(check, "ok", line(what))


def warn(check: str, what: str, remedy: str) -> Result:
    """It runs, and somebody should look."""
    return Result(check, "warn", line(what), line(remedy))


def fail(check: str, what: str, remedy: str) -> Result:
    """Something does not work."""
    return Result(check, "fail", line(what), line(remedy))


def skip(check: str, why: str, remedy: str = "") -> Result:
    """Not looked at."""
    return Result(check, "skip", line(why), line(remedy))


def line(text: str) -> str:
    """One line that a terminal shows as it is: part of it may come from a forge, or whoever answers in its place."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"
