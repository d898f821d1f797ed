"""A profile inferred from files, and what it makes of the same files."""

from __future__ import annotations

from collections.abc import Mapping

from cache.profile.block import Block, bind
from cache.profile.entry import Record, parse_file
from cache.profile.infer import Inferred, infer, read_seen
from cache.profile.infer_text import write_profile
from cache.profile.loader import read_profile

REPOSITORY = "acme/handbook"


def inferred_from(files: Mapping[str, str | bytes], below: str = "") -> tuple[Inferred, str]:
    """The inference and its text."""
    seen = [read_seen(path, text.encode() if isinstance(text, str) else text) for path, text in files.items()]
    inferred = infer("handbook", seen, below=below, repository=REPOSITORY, source=REPOSITORY)
    return inferred, write_profile(inferred)


def bound(text: str) -> Block:
    """The profile, read, checked and bound as a configuration without parameters would."""
    return bind(read_profile(text))


def records(block: Block, files: Mapping[str, str | bytes]) -> dict[str, tuple[str, Record]]:
    """Every file's record by its path, with its collection's name. A file that two collections claim is a fault."""
    found: dict[str, tuple[str, Record]] = {}
    for path, text in files.items():
        for collection in block.collections:
            captures = collection.pattern.match(path)
            if captures is None:
                continue
            assert path not in found, f"{path} belongs to two collections"
            content = text.encode() if isinstance(text, str) else text
            (record,) = parse_file(collection, path, content, captures)
            found[path] = (collection.name, record)
    return found
