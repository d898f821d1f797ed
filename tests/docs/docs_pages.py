"""The documents as the tests read them: pages, their fenced blocks, and where a block's commands are to be run.

What an author writes, each an HTML comment on a line of its own, which no reader sees:

    <!-- run: demo -->         from here on, blocks of commands run in order, in one shell, beside a running demo
    <!-- run: stranger -->     the same in a folder that holds `token` and `admin-token` for a forge
    <!-- not run: REASON -->   the one block that follows is only looked at by `bash -n`

A second `run` on a page begins a new folder and a new shell.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"( *)(`{3,})([^`\n]*)")
_MARK = re.compile(r" *<!-- (run|not run): (.+?) -->\s*")


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: str
    line: int
    """Where its text begins, counted from 1."""
    language: str
    text: str
    """Without the indentation of its fence."""
    place: str | None
    """Where it is run: the word of the last `run` before it."""
    section: int
    """Counts the `run`s before it, from 1."""
    not_run: str | None
    """The reason why it is not."""

    @property
    def label(self) -> str:
        return f"{self.page}:{self.line}"


@cache
def pages() -> tuple[str, ...]:
    """Every document of the project, as a path from its root. What changed in the past is told in the past."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.md"],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    if listing.returncode == 0:
        names = [name for name in listing.stdout.decode().split("\0") if name]
    else:  # in an unpacked archive
        folders = ("docs", "deploy", "benchmarks")
        found = [*ROOT.glob("*.md"), *(path for folder in folders for path in (ROOT / folder).rglob("*.md"))]
        names = [str(path.relative_to(ROOT)) for path in found]
    return tuple(sorted(name for name in names if name != "CHANGELOG.md" and (ROOT / name).is_file()))


@cache
def blocks(page: str) -> tuple[Block, ...]:
    """The fenced blocks of a page, in order."""
    return tuple(find_blocks(page, (ROOT / page).read_text(encoding="utf-8")))


def find_blocks(page: str, text: str) -> list[Block]:
    """As `blocks`, for a text. Raises ValueError where a fence is never closed, or a mark stands before no block."""
    found: list[Block] = []
    place: str | None = None
    section = 0
    reason: str | None = None
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if mark := _MARK.fullmatch(line):
            if mark[1] == "run":
                place, section = mark[2], section + 1
            else:
                reason = mark[2]
        elif fence := _FENCE.match(line):
            indent, ticks, info = fence.groups()
            begin = number
            while number < len(lines) and not re.fullmatch(rf" *{ticks}`*\s*", lines[number]):
                number += 1
            if number == len(lines):
                raise ValueError(f"{page}:{begin}: the block is never closed")
            body = "".join(part.removeprefix(indent) + "\n" for part in lines[begin:number])
            language = info.split()[0] if info.strip() else ""
            found.append(Block(page, begin + 1, language, body, place, section, reason))
            reason = None
            number += 1
        elif line.strip() and reason is not None:
            raise ValueError(f"{page}:{number}: `not run` stands before no block")
    return found


def of_language(*languages: str) -> list[Block]:
    """Every block of these languages, in all pages."""
    return [block for page in pages() for block in blocks(page) if block.language in languages]
