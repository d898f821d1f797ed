"""Which collection, entry and part of it an address means. No I/O.

`/{block}/{collection}/…` always means itself. The short `/{collection}/…` serves while one block alone offers the
collection, and never where it would hide one of Forgeglass's own addresses. Keys may hold slashes: a last segment
that names a part (`branches`, `pulls`, `history`) is the part, unless the slash before it is written `%2F`. So are, in
a collection with revisions, `revisions`, `revisions/{version}` and `revisions/{from}/diff/{to}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

from msgspec import Struct

from cache.profile.collection import Block, Collection
from daemon.api.problems import ProblemError

ROOT = "/api/v1"
RESERVED = frozenset({
    "repositories", "pulls", "findings", "changes", "changes.atom", "docs", "docs.css", "events", "status",
    "openapi.json", "reports", "proposals", "tokens",
})  # fmt: skip
"""What never is a collection's short address."""
PARTS = ("branches", "pulls", "history")
"""What belongs to an entry, each with a list of its own."""


REVISIONS, REVISION, DIFF = "revisions", "revision", "diff"


class Address(Struct, frozen=True):
    """A collection, one of its entries (`key`), or what belongs to the entry (`part`), with the `names` of one or two
    revisions where it is one, or what differs between two."""

    collection: Collection
    key: str | None = None
    part: str | None = None
    names: tuple[str, ...] = ()


def resolve(raw_path: str, blocks: Sequence[Block], root: str = ROOT) -> Address:
    """What a path below `/api/v1/` means; it comes as it was sent, percent signs and all.

    `root` is what addresses told to the reader begin with.

    ProblemError: `unknown-collection` lists the known ones, `ambiguous-collection` the addresses to choose from,
    `not-found`.
    """
    raw = raw_path.split("/")
    segments = [unquote(segment, errors="replace") for segment in raw]
    for block in blocks:
        if segments[0] == block.name and len(segments) > 1:
            found = next((c for c in block.collections if c.name == segments[1]), None)
            if found is not None:
                return _within(found, segments[2:])
    return _within(_short(segments[0], blocks, root), segments[1:])


def _short(name: str, blocks: Sequence[Block], root: str) -> Collection:
    offers = [c for block in blocks for c in block.collections if c.name == name]
    if name in RESERVED or not offers:
        known = short_names(blocks)
        block = next((block for block in blocks if block.name == name), None)
        listed = [f"{name}/{c.name}" for c in block.collections] if block is not None else known
        message = f"There is no collection {name[:100]!r}; there are {', '.join(listed) or 'none'}."
        raise ProblemError("unknown-collection", message, collections=listed)
    if len(offers) > 1:
        candidates = [f"{root}/{c.block}/{c.name}" for c in offers]
        message = f"Several blocks offer {name!r}; ask one of {', '.join(candidates)}."
        raise ProblemError("ambiguous-collection", message, candidates=candidates)
    return offers[0]


def short_names(blocks: Sequence[Block]) -> list[str]:
    """Every collection by the shortest address that serves, below `/api/v1/`."""
    names = [c.name for block in blocks for c in block.collections]
    return sorted(
        c.name if c.name not in RESERVED and names.count(c.name) == 1 else f"{c.block}/{c.name}"
        for block in blocks
        for c in block.collections
    )


def _within(collection: Collection, segments: Sequence[str]) -> Address:
    if not segments:
        return Address(collection)
    part, names, length = _part(collection, segments)
    key = "/".join(segments[: len(segments) - length])
    if not key or key.startswith("/") or key.endswith("/") or "\x00" in key:
        raise ProblemError("not-found", "The address ends in a slash, or holds an empty part; remove it.")
    return Address(collection, key, part, names)


def _part(collection: Collection, segments: Sequence[str]) -> tuple[str | None, tuple[str, ...], int]:
    """What the last segments name of an entry, and how many of them do; at least one is the key's."""
    if len(segments) > 1 and segments[-1] in PARTS:
        return segments[-1], (), 1
    if collection.revisions is not None:
        if len(segments) > 1 and segments[-1] == REVISIONS:
            return REVISIONS, (), 1
        if len(segments) > 2 and segments[-2] == REVISIONS:
            return REVISION, (segments[-1],), 2
        if len(segments) > 4 and (segments[-4], segments[-2]) == (REVISIONS, DIFF):
            return DIFF, (segments[-3], segments[-1]), 4
    return None, (), 0
