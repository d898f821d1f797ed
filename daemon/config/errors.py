"""What is wrong with a configuration, said all at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import msgspec


class BadValueError(ValueError):
    """One value is not what its key takes."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy


class Mistake(msgspec.Struct, frozen=True):
    """One thing to put right."""

    source: str
    """The file, or the environment variable."""
    line: int | None
    key: str
    """The key with its sections ("forge.url", "profiles.0.use"); empty when the file as a whole is meant."""
    problem: str
    remedy: str

    def __str__(self) -> str:
        where = self.source if self.line is None else f"{self.source}:{self.line}"
        return ": ".join(part for part in (where, self.key, f"{self.problem}; {self.remedy}") if part)


class ConfigError(Exception):
    """The configuration cannot be used; `mistakes` holds everything found wrong, never just the first."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like `name`, or None where nothing is."""
    found = difflib.get_close_matches(name[:200], list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def suggest(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return the remedy for an unknown name: the nearest known one, else `otherwise`."""
    found = nearest(name, known)
    return f'did you mean "{found}"?' if found else otherwise
