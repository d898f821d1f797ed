"""A starter profile from the files that are there: what they have in common, and nothing that one of them breaks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

from msgspec import Struct

from cache.profile.collection import Format
from cache.profile.infer_columns import InferredField, fields_of
from cache.profile.infer_paths import (
    MOST_TEMPLATES,
    Template,
    about,
    distinct,
    ending_of,
    find_templates,
    reason_against,
    stem_of,
    unwritable,
    wanted,
    without,
)
from cache.profile.nodes import Scalar
from cache.profile.patterns import PathPattern
from cache.profile.seen import SeenFile, read_seen
from cache.profile.words import COLLECTION_NAME, PROFILE_NAME, ROUTES, VIEW_SOURCES

__all__ = [
    "Inferred", "InferredCollection", "InferredField", "LeftOut", "SeenFile", "infer", "profile_name", "read_seen",
]  # fmt: skip

_UNREAD = "not looked at, though a path below takes them"
_ABOUT = "about the repository, or about their folder"


class InferredCollection(Struct, frozen=True):
    """Files of one template: how many there are, how many have front matter and how many cannot be read. `left_out`
    are the names of those that are about the others.
    """

    name: str
    template: Template
    format: Format
    files: int
    with_data: int
    unreadable: tuple[str, ...]
    left_out: tuple[str, ...]
    fields: tuple[InferredField, ...]


class LeftOut(Struct, frozen=True):
    """Files that no collection holds, and why."""

    reason: str
    paths: tuple[str, ...]


class Inferred(Struct, frozen=True):
    """A profile to be written. `elsewhere` counts the files that were looked at and that no collection holds."""

    name: str
    source: str
    repository: str | None
    collections: tuple[InferredCollection, ...]
    elsewhere: int
    left_out: tuple[LeftOut, ...] = ()


def infer(
    name: str,
    files: Iterable[SeenFile],
    *,
    below: str = "",
    repository: str | None = None,
    source: str = "",
    others: Iterable[str] = (),
) -> Inferred:
    """The profile that describes these files.

    `name` is made fit to be a profile's; `below` is the folder that was asked for, or empty for all; `repository` is
    where the profile finds the files unless a configuration says otherwise; `source` is told in the profile's head;
    `others` are the paths of files that were not looked at. Every file that reads well and is an entry of the profile
    becomes one without an error; every other one is left out with a reason.

    Raises PatternError where `below` cannot be said in a template.
    """
    looked_at = sorted((file for file in files if wanted(file.path, below)), key=lambda file: file.path)
    usable = _usable_kinds(looked_at)
    seen = [file for file in looked_at if _ending(file) in usable and file.problem != "symlink"]
    templates, more = find_templates((file.path for file in seen), below, _spoken(seen))
    claimed: dict[str, list[SeenFile]] = {template.source: [] for template in templates}
    reasons: dict[str, list[str]] = defaultdict(list)
    for file in looked_at:
        home = next((each for each in templates if _match(each.source, file.path) is not None), None)
        if home is None:
            reasons[_why_not(file, below, usable, more)].append(file.path)
        else:
            claimed[home.source].append(file)
    only_about = [t for t in templates if t.stem is None and all(about(file.path) for file in claimed[t.source])]
    collections: list[InferredCollection] = []
    elsewhere = sum(map(len, reasons.values()))
    for template in templates:
        members = claimed[template.source]
        if template in only_about and len(only_about) < len(templates):
            reasons[_ABOUT] += [file.path for file in members]  # an index.md between two folders is about them
            elsewhere += len(members)
        elif members:
            collections.append(_collection(template, members, [each.name for each in collections]))
            elsewhere += len(members) - collections[-1].files
    for path in others:
        fits = any(_match(each.template.source, path) is not None for each in collections)
        reasons[_UNREAD if fits else reason_against(path, below) or "not read"].append(path)
    left_out = tuple(LeftOut(reason, tuple(sorted(paths))) for reason, paths in sorted(reasons.items()))
    return Inferred(profile_name(name), source or name, repository, tuple(collections), elsewhere, left_out)


def _why_not(file: SeenFile, below: str, usable: frozenset[str], more: int) -> str:
    """Why no template matches a file that was looked at."""
    if file.problem == "symlink":
        return "symbolic links, which are never followed"
    if _ending(file) not in usable:
        return f"{ending_of(file.path)}, and not one of them reads well"
    if unwritable(file.path, below):
        return "in folders whose names no path of a profile can say, for a brace, a '*' or a control character"
    if about(file.path):
        return _ABOUT
    if more:
        return f"beyond the {MOST_TEMPLATES} collections of a first profile"
    return "of a name by which other folders are entries" if "/" in file.path else "alone at the top of the repository"


def profile_name(text: str) -> str:
    """A text made fit to name a profile."""
    name = "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "-" for char in text.lower())
    name = name.strip("-_")[:60] or "entries"
    return name if PROFILE_NAME.fullmatch(name) and name not in ROUTES else f"my-{name}"


@lru_cache(maxsize=256)
def _pattern(source: str) -> PathPattern:
    return PathPattern.parse(source)


def _match(source: str, path: str) -> dict[str, str] | None:
    return _pattern(source).match(path)


def _usable_kinds(seen: Sequence[SeenFile]) -> frozenset[str]:
    """The endings under which something reads well: YAML of several documents is no entry, it is somebody's tool."""
    return frozenset({".md", ".markdown"}).union(_ending(file) for file in seen if file.problem is None)


def _ending(file: SeenFile) -> str:
    return (ending_of(file.path) or "").lower()


def _spoken(seen: Sequence[SeenFile]) -> dict[str, frozenset[str]]:
    """The keys of each file that no capture may be called. One called `slug` would have to say what the name says."""
    free = frozenset({"slug"}) if all(_names_itself(file) for file in seen) else frozenset()
    return {file.path: frozenset(file.data.pairs) - free for file in seen if file.data is not None}


def _names_itself(file: SeenFile) -> bool:
    node = None if file.data is None else file.data.pairs.get("slug")
    if node is None:
        return True
    return isinstance(node, Scalar) and not node.null and node.text == stem_of(file.path)


def _collection(template: Template, members: Sequence[SeenFile], taken: Sequence[str]) -> InferredCollection:
    left_out = _pages_about(members) if template.format == "md" and template.stem is None else frozenset()
    template = without(template, left_out) if left_out else template
    members = [file for file in members if stem_of(file.path) not in left_out]
    template = distinct(template, [file.path for file in members])
    good = [file for file in members if file.problem is None]
    return InferredCollection(
        name=_collection_name(template.folder, taken),
        template=template,
        format=template.format,
        files=len(members),
        with_data=sum(file.data is not None for file in good),
        unreadable=tuple(file.path for file in members if file.problem is not None),
        left_out=tuple(sorted(left_out)),
        fields=fields_of(template.format, good, template.captures),
    )


def _pages_about(members: Sequence[SeenFile]) -> frozenset[str]:
    """Names of files that speak about the others: README.md without front matter, where most others have it."""
    others = [file for file in members if not about(file.path)]
    if not others or 2 * sum(file.data is not None for file in others) < len(others):
        return frozenset()
    bare = {stem_of(file.path) for file in members if about(file.path) and file.data is None}
    return frozenset(bare - {stem_of(file.path) for file in members if file.data is not None})


def _collection_name(folder: str, taken: Sequence[str]) -> str:
    word = "".join(char if char.isascii() and char.isalnum() else "_" for char in folder.lower()).strip("_")[:30]
    word = "documents" if word in ("doc", "docs") else word
    if not COLLECTION_NAME.fullmatch(word):
        word = f"c_{word}" if word else "entries"
    if word in ROUTES or word in VIEW_SOURCES:
        word += "_files"
    number, name = 1, word
    while name in taken:
        number += 1
        name = f"{word}_{number}"
    return name
