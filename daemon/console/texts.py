"""Texts line by line as a page shows them: one alone, and what differs between two. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from cache.textdiff import CONTEXT, Line, compare

NUMBERED = 5_000
"""Lines from which on a text is shown without their numbers: a browser has its trouble with so many elements."""
ROWS = 4_000
"""Rows of a comparison that are shown; the API tells them all."""
ALIKE = 0.3
"""What share of two lines must be the same for a mark on the rest to say more than the lines do."""
_WORDS = re.compile(r"\w+|\s+|.", re.DOTALL)
_RETURN = "⟦U+000D⟧"
"""A carriage return inside a line: to HTML it would be a line break, and the line two."""


class Part(Struct, frozen=True):
    """A part of a line; `differs` where the line beside it says something else."""

    text: str
    differs: bool = False


class Row(Struct, frozen=True):
    """A row of a comparison: a line of one text, of the other, or of both, by its number and parts. `kind` is `equal`,
    `delete`, `insert`, `replace` (two lines beside each other), or `skip` for `number` lines that are alike and not
    shown."""

    kind: str
    old: int | None = None
    old_parts: tuple[Part, ...] = ()
    new: int | None = None
    new_parts: tuple[Part, ...] = ()
    number: int = 0


class Difference(Struct, frozen=True):
    """What differs between two texts: as rows, and how many lines were added and removed.

    `cut` says that there are more rows than are shown; `ends_alone`, that only line ends differ.
    """

    rows: tuple[Row, ...]
    added: int
    removed: int
    cut: bool
    ends_alone: bool

    @property
    def nothing(self) -> bool:
        """Whether no line differs."""
        return not self.added and not self.removed


def numbered(text: str) -> list[str] | None:
    """The lines of a text, without their ends; None where there are too many to number."""
    if text.count("\n") > NUMBERED:
        return None
    lines = text.replace("\r\n", "\n").split("\n")
    return [plain(line) for line in (lines[:-1] if lines[-1] == "" else lines)]


def plain(line: str) -> str:
    """A line in which nothing breaks it."""
    return line.replace("\r", _RETURN)


def difference(before: str, after: str, most: int | None = None, *, beside: bool, whole: bool) -> Difference:
    """What differs: `beside` puts the lines of both beside each other, `whole` shows those that are alike too.

    Raises TooLongError where a text has more than `most` lines.
    """
    lines = compare(before, after, ("", ""), most).lines
    shown = lines if whole else tuple(_near(lines))
    told = tuple(_rows(shown))
    rows = told if beside else tuple(_in_one(told))
    return Difference(
        rows[:ROWS],
        sum(line.change != "equal" and line.to_line is not None for line in lines),
        sum(line.change != "equal" and line.from_line is not None for line in lines),
        len(rows) > ROWS,
        before != after and all(line.change == "equal" for line in lines),
    )


def _near(lines: Sequence[Line]) -> Iterator[Line | int]:
    """The lines that differ and those around them; a number stands for so many that are left out."""
    kept = bytearray(len(lines))
    for at, line in enumerate(lines):
        if line.change != "equal":
            begin, end = max(0, at - CONTEXT), min(len(lines), at + CONTEXT + 1)
            kept[begin:end] = b"\1" * (end - begin)
    left_out = 0
    for at, line in enumerate(lines):
        if not kept[at]:
            left_out += 1
            continue
        if left_out:
            yield left_out
            left_out = 0
        yield line
    if left_out:
        yield left_out


def _rows(lines: Iterable[Line | int]) -> Iterator[Row]:
    for line in lines:
        if isinstance(line, int):
            yield Row("skip", number=line)
            continue
        old, new = plain(line.from_text or ""), plain(line.to_text or "")
        parts = _marked(old, new) if line.change == "replace" else ((Part(old),), (Part(new),))
        yield Row(line.change, line.from_line, parts[0], line.to_line, parts[1])


def _marked(old: str, new: str) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Two lines with a mark on the words between what they begin and end with alike, where that is enough of them.

    No finer: comparing word by word takes time with the square of what somebody commits.
    """
    one, other = _WORDS.findall(old), _WORDS.findall(new)
    shorter = min(len(one), len(other))
    start = next((n for n in range(shorter) if one[n] != other[n]), shorter)
    end = next((n for n in range(shorter - start) if one[-1 - n] != other[-1 - n]), shorter - start)
    same = sum(map(len, (*one[:start], *one[len(one) - end :])))
    if same < ALIKE * max(len(old), len(new)):
        return (Part(old),), (Part(new),)
    return _split(one, start, end), _split(other, start, end)


def _split(words: Sequence[str], start: int, end: int) -> tuple[Part, ...]:
    stop = len(words) - end
    parts = Part("".join(words[:start])), Part("".join(words[start:stop]), True), Part("".join(words[stop:]))
    return tuple(part for part in parts if part.text)


def _in_one(rows: Iterable[Row]) -> Iterator[Row]:
    """One below the other: of lines that differ first those of the one text, then those of the other."""
    removed: list[Row] = []
    added: list[Row] = []
    for row in rows:
        if row.kind in ("equal", "skip"):
            yield from (*removed, *added, row)
            removed, added = [], []
            continue
        if row.old is not None:
            removed.append(Row("delete", row.old, row.old_parts))
        if row.new is not None:
            added.append(Row("insert", new=row.new, new_parts=row.new_parts))
    yield from (*removed, *added)
