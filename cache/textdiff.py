"""Two texts beside each other: as a unified diff, and line by line. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from msgspec import Struct

CONTEXT = 3
"""Lines of a unified diff around each change."""
MOST = 4_000_000
"""Lines of one text times lines of the other, up to which what stands between the first and the last difference is
compared line by line: the work grows so."""

WORK = 20_000_000
"""Pairs of equal lines times lines of the shorter text, up to which every line counts: at worst the work grows so
(1 s). Beyond, the lines that are repeated most are no places at which texts are held together."""



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


def compare(before: str, after: str, names: tuple[str, str], most: int | None = None) -> TextDiff:
    """What differs between two texts, each under a name. Raises TooLongError where one has more than `most` lines."""
    longest = 1 + max(before.count("\n"), after.count("\n"))
    if most is not None and longest > most:
        raise TooLongError(f"the longer of the two texts has {longest} lines; up to {most} are compared")
    old, new = _lines(before), _lines(after)
    opcodes = list(_opcodes(old, new))
    lines = tuple(line for opcode in opcodes for line in _beside(opcode, old, new))
    return TextDiff("".join(f"{line}\n" for line in _unified(opcodes, old, new, names)), lines)


def _lines(text: str) -> list[str]:
    """The lines as an editor shows them; an end without a line break makes no difference."""
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _opcodes(old: Sequence[str], new: Sequence[str]) -> Iterator[Opcode]:
    """What becomes of what. What the texts begin and end with alike is set aside first."""
    shorter = min(len(old), len(new))
    start = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    end = next((n for n in range(shorter - start) if old[-1 - n] != new[-1 - n]), shorter - start)
    a, b = len(old) - end, len(new) - end
    if start:
        yield "equal", 0, start, 0, start
    if (a - start) * (b - start) > MOST:
        yield "replace", start, a, start, b
    else:
        for change, *places in _matcher(old[start:a], new[start:b]).get_opcodes():
            a1, a2, b1, b2 = (start + place for place in places)
            yield change, a1, a2, b1, b2
    if end:
        yield "equal", a, len(old), b, len(new)


def _matcher(old: Sequence[str], new: Sequence[str]) -> SequenceMatcher[str]:
    ours, theirs = Counter(old), Counter(new)
    pairs = sorted((number * theirs[line], line) for line, number in ours.items() if line in theirs)
    left, repeated = WORK // max(1, min(len(old), len(new))), set()
    for number, line in pairs:
        left -= number
        if left < 0:
            repeated.add(line)
    return SequenceMatcher(repeated.__contains__ if repeated else None, old, new)


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
