"""What a file says, as records; of many problems no more than somebody reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from cache.profile.rules import Problem, problem
from cache.profile.spots import Spot

MAX_BY_RULE = 50
"""Problems of one rule in a file of lines that are told one by one; the rest are counted."""


class Record(Struct, frozen=True):
    """What a file, or a line of a `jsonl` file, says.

    `key` is None where none can be told; `fields` has every field of the collection, JSON-able, None where there is
    no value; `extra` what the file says beyond them. `valid` is False with an error among `problems`: then `fields`
    holds what could be read. `line` counts from 1.
    """

    key: tuple[str, ...] | None
    fields: Mapping[str, Any]
    body: str | None
    line: int
    valid: bool
    problems: tuple[Problem, ...]
    extra: Mapping[str, Any] = {}
    spots: Mapping[str, tuple[Spot, ...]] = {}
    """Of each field that refers to something, where its values stand, in their order."""


def fewer(records: Sequence[Record]) -> list[Record]:
    """The records of a file with no more than `MAX_BY_RULE` problems of a rule, beside one for each bad record; the
    first that lacks one tells how many there are.
    """
    told: Counter[str] = Counter()
    made: list[Record] = []
    first, more = -1, 0
    for record in records:
        kept: list[Problem] = []
        for found in record.problems:
            told[found.rule] += 1
            if told[found.rule] <= MAX_BY_RULE or (not record.valid and not kept and found.severity == "error"):
                kept.append(found)
        if len(kept) < len(record.problems):
            first = len(made) if first < 0 else first
            more += len(record.problems) - len(kept)
            record = replace(record, problems=tuple(kept))
        made.append(record)
    if more:
        message = f"{more} more problems, from here on, are not shown."
        rest = problem("too-many-problems", message, line=made[first].line, severity="warning")
        made[first] = replace(made[first], problems=(*made[first].problems, rest))
    return made
