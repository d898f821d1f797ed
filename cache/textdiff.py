"""Two texts beside each other: as a unified diff, and line by line. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from difflib import SequenceMatcher
from typing import Any

from msgspec import Struct

CONTEXT = 3
"""Lines of a unified diff around each change."""
MOST = 4_000_000
"""Lines of one text times lines of the other, up to which what stands between the first and the last difference is
compared line by line: the work grows so."""


class TooLongError(ValueError):
    """A text has more lines than are compared; the message says how many."""

Opcode = tuple[str, int, int, int, int]
"""As `SequenceMatcher.get_opcodes` has them."""


class Line(Struct, frozen=True):
    """A line of one text, or of both, by its number in each, from 1. `change` is `equal`, `insert`, `delete`, or
    `replace` where a line of one stands against a line of the other.
    """

    change: str
    from_line: int | None
    from_text: str | None
    to_line: int | None
    to_text: str | None


class TextDiff(Struct, frozen=True):
    """What differs. `unified` is empty where nothing does; line ends are `\\n` there and nowhere else."""

    unified: str
    lines: tuple[Line, ...]


def compare(
    before: str, after: str, names: tuple[str, str], *, most: int | None = None,
    late: Callable[[], bool] = lambda: False,
) -> TextDiff:  # fmt: skip
    """What differs between two texts, each under a name.

    Once it is `late`, what stands between the first and the last difference is told as one: that is right, and less
    fine. Raises TooLongError where a text has more than `most` lines.
    """
    longest = 1 + max(before.count("\n"), after.count("\n"))
    if most is not None and longest > most:
        raise TooLongError(f"the longer of the two texts has {longest} lines; up to {most} are compared")
    old, new = _lines(before), _lines(after)
    opcodes = list(_opcodes(old, new, late))
    lines = tuple(line for opcode in opcodes for line in _beside(opcode, old, new))
    return TextDiff("".join(f"{line}\n" for line in _unified(opcodes, old, new, names)), lines)


def _lines(text: str) -> list[str]:
    """The lines as an editor shows them; an end without a line break makes no difference."""
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


class _LateError(Exception):
    """The time is up."""


class _Timed(list[str]):
    """Lines that refuse to be read once it is late: `SequenceMatcher` reads one for each step of its outer loop."""

    def __init__(self, lines: Sequence[str], late: Callable[[], bool]) -> None:
        super().__init__(lines)
        self._late = late

    def __getitem__(self, place: Any) -> Any:
        if self._late():
            raise _LateError
        return super().__getitem__(place)


def _opcodes(old: Sequence[str], new: Sequence[str], late: Callable[[], bool]) -> Iterator[Opcode]:
    """What becomes of what. What the texts begin and end with alike is set aside first."""
    shorter = min(len(old), len(new))
    start = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    end = next((n for n in range(shorter - start) if old[-1 - n] != new[-1 - n]), shorter - start)
    a, b = len(old) - end, len(new) - end
    if start:
        yield "equal", 0, start, 0, start
    for change, *places in _between(old[start:a], new[start:b], late):
        a1, a2, b1, b2 = (start + place for place in places)
        yield change, a1, a2, b1, b2
    if end:
        yield "equal", a, len(old), b, len(new)


def _between(old: Sequence[str], new: Sequence[str], late: Callable[[], bool]) -> Sequence[Opcode]:
    if len(old) * len(new) <= MOST:
        with suppress(_LateError):
            return SequenceMatcher(None, _Timed(old, late), new).get_opcodes()
    return [("replace", 0, len(old), 0, len(new))]


def _beside(opcode: Opcode, old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    change, a1, a2, b1, b2 = opcode
    for offset in range(max(a2 - a1, b2 - b1)):
        one, other = a1 + offset, b1 + offset
        left = (one + 1, old[one]) if one < a2 else (None, None)
        right = (other + 1, new[other]) if other < b2 else (None, None)
        alone = "delete" if right[0] is None else "insert" if left[0] is None else change
        yield Line(alone, *left, *right)


def _unified(
    opcodes: Sequence[Opcode], old: Sequence[str], new: Sequence[str], names: tuple[str, str]
) -> Iterator[str]:
    """As `diff -u` writes it (https://www.gnu.org/software/diffutils/manual/, "Detailed Unified")."""
    if all(opcode[0] == "equal" for opcode in opcodes):
        return
    yield f"--- {names[0]}"
    yield f"+++ {names[1]}"
    for group in _groups(opcodes):
        first, last = group[0], group[-1]
        yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@"
        for change, a1, a2, b1, b2 in group:
            if change == "equal":
                yield from (f" {line}" for line in old[a1:a2])
            else:
                yield from (f"-{line}" for line in old[a1:a2])
                yield from (f"+{line}" for line in new[b1:b2])


def _groups(opcodes: Sequence[Opcode]) -> Iterator[list[Opcode]]:
    """The changes that stand close together, with what is around them."""
    group: list[Opcode] = []
    for place, (change, a1, a2, b1, b2) in enumerate(opcodes):
        if change != "equal":
            group.append((change, a1, a2, b1, b2))
            continue
        before, after = place == 0, place == len(opcodes) - 1
        if not before and (after or a2 - a1 > 2 * CONTEXT):
            group.append((change, a1, min(a2, a1 + CONTEXT), b1, min(b2, b1 + CONTEXT)))
            yield group
            group = []
        if not after:
            apart = before or not group
            start = max(a1, a2 - CONTEXT) if apart else a1
            group.append((change, start, a2, b2 - (a2 - start), b2))
    if group:
        yield group


def _range(start: int, end: int) -> str:
    length = end - start
    if length == 1:
        return f"{start + 1}"
    return f"{start + 1 if length else start},{length}"
