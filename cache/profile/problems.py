"""Mistakes in a profile or in what a configuration gives to it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class ProfileProblem(Struct, frozen=True, order=True):
    """One mistake. `line` counts from 1; 0 where it is not in the file but in the configuration."""

    file: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message} [{self.rule}]"


class ProfileError(ValueError):
    """A profile that cannot be used; `problems` holds every mistake that was found, by line."""

    def __init__(self, problems: Iterable[ProfileProblem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))
