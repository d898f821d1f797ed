"""Tree objects as bytes, and how two of them differ. Where a tree holds one name twice, the first one counts.

A tree entry is `mode name NUL id`, without anything between entries (gitformat-pack(5), "tree"). Servers take trees
that `git fsck` refuses; `git show commit:path` reads the first entry of a name, and so is it here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from gitea_client.errors import GitFailed

TREE_MODE = "40000"
_ENTRY = {20: re.compile(rb"[0-7]+ [^\0]+\0[\s\S]{20}"), 32: re.compile(rb"[0-7]+ [^\0]+\0[\s\S]{32}")}


class Entry(NamedTuple):
    """An entry of a tree: its mode as Git writes it (a folder's is 40000), and the object's id."""

    mode: str
    id: str

    @property
    def is_tree(self) -> bool:
        """Whether it is a folder."""
        return self.mode == TREE_MODE


def changed(before: bytes, after: bytes, width: int) -> Mapping[bytes, tuple[Entry | None, Entry | None]]:
    """The names that two trees hold differently, with both sides. `width` is the length of an id in bytes.

    Raises GitFailed where one of them is no tree.
    """
    old, new = _entries(before, width), _entries(after, width)
    held, holds = set(old), set(new)
    names = {_name(entry, width) for entry in held ^ holds}
    if [entry for entry in old if entry in holds] != [entry for entry in new if entry in held]:
        names.update(_name(entry, width) for entry in old)  # another order: of a name held twice another one is first
    if not names:
        return {}
    was, now = _first(old, names, width), _first(new, names, width)
    # in the order of the trees: sorting as many names as a tree can hold would hold up every other thread
    return {name: (was.get(name), now.get(name)) for name in {**now, **was} if was.get(name) != now.get(name)}


def _entries(raw: bytes, width: int) -> list[bytes]:
    entries = [found[0] for found in _ENTRY[width].finditer(raw)]  # unlike findall, it lets other threads on
    if sum(map(len, entries)) != len(raw):
        raise GitFailed("a tree of the repository is damaged")
    return entries


def _name(entry: bytes, width: int) -> bytes:
    return entry[entry.index(b" ") + 1 : -width - 1]


def _first(entries: Iterable[bytes], names: Collection[bytes], width: int) -> dict[bytes, Entry]:
    found: dict[bytes, Entry] = {}
    for entry in entries:
        name = _name(entry, width)
        if name in names and name not in found:
            found[name] = Entry(entry[: entry.index(b" ")].decode("ascii"), entry[-width:].hex())
    return found
