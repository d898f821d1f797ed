"""Two texts beside each other: as a unified diff, and line by line. No I/O."""

from __future__ import annotations

from difflib import SequenceMatcher, unified_diff

from msgspec import Struct


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


def compare(before: str, after: str, names: tuple[str, str]) -> TextDiff:
    """What differs between two texts, each under a name."""
    old, new = _lines(before), _lines(after)
    lines: list[Line] = []
    for change, a1, a2, b1, b2 in SequenceMatcher(None, old, new).get_opcodes():
        for offset in range(max(a2 - a1, b2 - b1)):
            one, other = a1 + offset, b1 + offset
            left = (one + 1, old[one]) if one < a2 else (None, None)
            right = (other + 1, new[other]) if other < b2 else (None, None)
            alone = "delete" if right[0] is None else "insert" if left[0] is None else change
            lines.append(Line(alone, *left, *right))
    unified = unified_diff(old, new, *names, lineterm="")
    return TextDiff("".join(f"{line}\n" for line in unified), tuple(lines))


def _lines(text: str) -> list[str]:
    """The lines as an editor shows them; an end without a line break makes no difference."""
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines
