"""One file as inference sees it: what it says, before any profile."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from cache.frontmatter import decode, split
from cache.profile.entry import MAX_FILE
from cache.profile.headings import first_heading
from cache.profile.jsontext import read_json
from cache.profile.nodes import Node, NodeError, Table, read_yaml


class SeenFile(Struct, frozen=True):
    """One file: its path, what its front matter (or the file as a whole) says, and its first heading of level one.

    `data` is None without front matter. `problem` is the rule that its content breaks, None where it reads well.
    """

    path: str
    data: Table | None = None
    heading: str | None = None
    problem: str | None = None


def read_seen(path: str, content: bytes | None) -> SeenFile:
    """What one file says. Never raises: what is wrong stands in `problem`. None: it could not be had."""
    if content is None:
        return SeenFile(path, problem="unreadable-object")
    if len(content) > MAX_FILE:
        return SeenFile(path, problem="too-large")
    lower = path.lower()
    if lower.endswith((".yaml", ".yml", ".json")):
        return _whole(path, content, read_json if lower.endswith(".json") else read_yaml)
    parts = split(content)
    if parts.problems:
        return SeenFile(path, problem=parts.problems[0].rule)
    return SeenFile(path, parts.data, first_heading(parts.body))


def _whole(path: str, content: bytes, read: Callable[[str], Node | None]) -> SeenFile:
    try:
        node = read(decode(content))
    except NodeError as error:
        return SeenFile(path, problem=error.problem.rule)
    if node is not None and not isinstance(node, Table):
        return SeenFile(path, problem="front-matter-not-mapping")
    return SeenFile(path, node or Table({}, {}, 1))


