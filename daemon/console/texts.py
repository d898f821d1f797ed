"""Texts line by line as a page shows them: one alone, and what differs between two. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from cache.textdiff import CONTEXT, Line, compare

NUMBERED = 5_000
"""Lines from which on a text is shown without their numbers: a browser has its trouble with so many elements."""
ROWS = 4_000
"""Rows of a comparison that are shown; the API tells them all."""
_RETURN = "⟦U+000D⟧"
"""A carriage return inside a line: to HTML it would be a line break, and the line two."""


class Row(Struct, frozen=True):
    """A row of a comparison: a line of one text, of the other, or of both. `kind` is `equal`, `delete`, `insert`,
    `replace` (two lines beside each other), or `skip` for `number` lines that are alike and not shown."""

    kind: str
    old: int | None = None
    old_text: str = ""
    new: int | None = None
    new_text: str = ""
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


def difference(before: str, after: str, *, beside: bool, whole: bool) -> Difference:
    """What differs: `beside` puts the lines of both beside each other, `whole` shows those that are alike too."""
    lines = compare(before, after, ("", "")).lines
    shown = lines if whole else tuple(_near(lines))
    rows = list(_rows(shown) if beside else _in_one(shown))
    return Difference(
        tuple(rows[:ROWS]),
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
        yield Row("skip", number=line) if isinstance(line, int) else _row(line.change, line)


def _row(kind: str, line: Line) -> Row:
    return Row(kind, line.from_line, plain(line.from_text or ""), line.to_line, plain(line.to_text or ""))


def _in_one(lines: Iterable[Line | int]) -> Iterator[Row]:
    """One below the other: of lines that differ first those of the one text, then those of the other."""
    removed: list[Row] = []
    added: list[Row] = []
    for line in lines:
        if isinstance(line, Line) and line.change != "equal":
            if line.from_line is not None:
                removed.append(Row("delete", line.from_line, plain(line.from_text or "")))
            if line.to_line is not None:
                added.append(Row("insert", new=line.to_line, new_text=plain(line.to_text or "")))
            continue
        yield from (*removed, *added)
        removed, added = [], []
        yield Row("skip", number=line) if isinstance(line, int) else _row("equal", line)
    yield from (*removed, *added)
