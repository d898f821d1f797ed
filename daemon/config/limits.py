"""[limits]: how much a stranger may bring. Each has a key, a sane default, and one thing
that feels it when it is reached.

`keys.KEYS` takes the keys from here; the page on limits is made from them.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from daemon.config import kinds
from daemon.config.key import Key

LIMIT_KEYS: Final = (
    # what a forge answers
    Key(
        "limits.answer_size",
        kinds.size(1 << 20),
        "How long one answer of the forge's API may be; single objects have smaller limits of their own.",
        "32MB",
        reached="That reading fails, and is tried again later; everything else goes on.",
    ),
    # what git brings
    # what a repository holds
    Key(
        "limits.tree_paths",
        kinds.whole(1_000, 10_000_000),
        "How many paths one listing of a repository may hold: the files of a commit, or what a pull request changes, "
        "within the folders that a profile looks into.",
        100_000,
        reached="What is listed is not read: a pull request is a finding, a default branch keeps its last rows.",
    ),
    # what a file holds
    # what a reader asks for
)


def _default(name: str) -> Any:
    key = next(key for key in LIMIT_KEYS if key.name == f"limits.{name}")
    return key.kind.parse(key.default)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """[limits]: sizes are bytes, durations seconds."""

    # what a forge answers
    answer_size: int = _default("answer_size")
    # what git brings
    # what a repository holds
    tree_paths: int = _default("tree_paths")
    # what a file holds
    # what a reader asks for
