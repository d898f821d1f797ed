"""A starter profile from the files that are there: what they have in common, and nothing that one of them breaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from cache.frontmatter import decode, split
from cache.profile.collection import Format
from cache.profile.entry import MAX_FILE
from cache.profile.fields import FieldType
from cache.profile.headings import first_heading
from cache.profile.infer_fields import Guess, field_name, guess
from cache.profile.infer_paths import Template, about, find_templates, stem, suffix_of, wanted, without
from cache.profile.jsontext import read_json
from cache.profile.nodes import Node, NodeError, Scalar, Table, read_yaml
from cache.profile.patterns import PathPattern
from cache.profile.words import COLLECTION_NAME, PROFILE_NAME, ROUTES, VIEW_SOURCES

MOST_FIELDS = 60
"""Fields of one collection; the rest is kept undeclared."""


class SeenFile(Struct, frozen=True):
    """One file: its path, what its front matter (or the file as a whole) says, and its first heading of level one.

    `data` is None without front matter. `problem` is the rule that its content breaks, None where it reads well.
    """

    path: str
    data: Table | None = None
    heading: str | None = None
    problem: str | None = None


class InferredField(Struct, frozen=True):
    """A field. `source` is the key in the files; `count` says how many files have a value; `type` None where no type
    holds them all and the field stays undeclared.
    """

    name: str | None
    source: str
    count: int
    required: bool
    guess: Guess
    heading: bool = False
    """Whether the heading of level one speaks first."""

    @property
    def type(self) -> FieldType | None:
        """Its type; None where it is not declared."""
        return self.guess.type if self.name is not None else None


class InferredCollection(Struct, frozen=True):
    """Files of one template: how many there are, how many have front matter and how many cannot be read."""

    name: str
    template: Template
    format: Format
    files: int
    with_data: int
    unreadable: tuple[str, ...]
    left_out: tuple[str, ...]
    fields: tuple[InferredField, ...]


class Inferred(Struct, frozen=True):
    """A profile to be written. `elsewhere` counts the files that no collection holds."""

    name: str
    source: str
    repository: str | None
    collections: tuple[InferredCollection, ...]
    elsewhere: int


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


def infer(
    name: str, files: Iterable[SeenFile], *, below: str = "", repository: str | None = None, source: str = ""
) -> Inferred:
    """The profile that describes these files.

    `name` is made fit to be a profile's; `below` is the folder that was asked for, or empty for all; `repository` is
    where the profile finds the files unless a configuration says otherwise; `source` is told in the profile's head.
    Every file that reads well and is an entry of the profile becomes one without a finding.

    Raises PatternError where `below` cannot be said in a template.
    """
    seen = sorted((file for file in files if wanted(file.path, below)), key=lambda file: file.path)
    seen = _usable_kinds(seen)
    templates = find_templates((file.path for file in seen), below, _spoken(seen))
    claimed: dict[str, list[SeenFile]] = {template.source: [] for template in templates}
    elsewhere = 0
    for file in seen:
        home = next((each for each in templates if _match(each.source, file.path) is not None), None)
        if home is None:
            elsewhere += 1
        else:
            claimed[home.source].append(file)
    collections: list[InferredCollection] = []
    only_about = [template for template in templates if all(about(file.path) for file in claimed[template.source])]
    for template in templates:
        members = claimed[template.source]
        if template in only_about and len(only_about) < len(templates):
            elsewhere += len(members)  # an index.md between two folders is about them
        elif members:
            collections.append(_collection(template, members, [each.name for each in collections]))
            elsewhere += len(members) - collections[-1].files
    return Inferred(profile_name(name), source or name, repository, tuple(collections), elsewhere)


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


def _usable_kinds(seen: Sequence[SeenFile]) -> list[SeenFile]:
    """Without endings under which nothing reads well: YAML of several documents is no entry, it is somebody's tool."""
    good = Counter(_suffix(file) for file in seen if file.problem is None)
    return [file for file in seen if good[_suffix(file)] or _suffix(file) in (".md", ".markdown")]


def _suffix(file: SeenFile) -> str:
    return (suffix_of(file.path) or "").lower()


def _spoken(seen: Sequence[SeenFile]) -> frozenset[str]:
    """The keys that no capture may be called. One called `slug` would have to say what the file's name says."""
    keys = {key for file in seen if file.data is not None for key in file.data.pairs}
    return frozenset(key for key in keys if key != "slug" or not all(_names_itself(file) for file in seen))


def _names_itself(file: SeenFile) -> bool:
    node = None if file.data is None else file.data.pairs.get("slug")
    if node is None:
        return True
    return isinstance(node, Scalar) and not node.null and node.text == stem(file.path, suffix_of(file.path) or "")


def _collection(template: Template, members: Sequence[SeenFile], taken: Sequence[str]) -> InferredCollection:
    form = _format(template)
    left_out = _pages_about(members, template.suffix) if form == "md" else frozenset()
    template = without(template, sorted(left_out))
    members = [file for file in members if stem(file.path, template.suffix) not in left_out]
    good = [file for file in members if file.problem is None]
    return InferredCollection(
        name=_collection_name(template.folder, taken),
        template=template,
        format=form,
        files=len(members),
        with_data=sum(file.data is not None for file in good),
        unreadable=tuple(file.path for file in members if file.problem is not None),
        left_out=tuple(sorted(left_out)),
        fields=_fields(form, good, template.captures),
    )


def _pages_about(members: Sequence[SeenFile], suffix: str) -> frozenset[str]:
    """Names of files that speak about the others: README.md without front matter, where most others have it."""
    others = [file for file in members if not about(file.path)]
    if not others or 2 * sum(file.data is not None for file in others) < len(others):
        return frozenset()
    bare = {stem(file.path, suffix) for file in members if about(file.path) and file.data is None}
    return frozenset(bare - {stem(file.path, suffix) for file in members if file.data is not None})


def _format(template: Template) -> Format:
    suffixes: dict[str, Format] = {".yaml": "yaml", ".yml": "yaml", ".json": "json"}
    return suffixes.get(template.suffix.lower(), "md")


def _fields(form: Format, good: Sequence[SeenFile], captures: Sequence[str]) -> tuple[InferredField, ...]:
    values: dict[str, list[Node]] = {}
    for file in good:
        for key, node in (file.data.pairs if file.data is not None else {}).items():
            if key not in captures and not (isinstance(node, Scalar) and node.null):
                values.setdefault(key, []).append(node)
    fields: list[InferredField] = []
    taken = [*captures]
    ranked = sorted(values, key=lambda key: (key != "title", -len(values[key]), key))
    for key in ranked[:MOST_FIELDS]:
        name = field_name(key, taken)
        found = guess(key, values[key])
        if name is not None and found.type is not None:
            taken.append(name)
        everywhere = len(values[key]) == len(good) and not any(_blank(node) for node in values[key])
        fields.append(InferredField(name, key, len(values[key]), everywhere, found))
    return tuple(_titled(form, good, fields, taken))


def _titled(
    form: Format, good: Sequence[SeenFile], fields: Sequence[InferredField], taken: Sequence[str]
) -> list[InferredField]:
    """The fields with a title: the heading of level one, where some file has one, else what the key says."""
    if form != "md" or not any(file.heading for file in good):
        return [*fields]
    known = next((field for field in fields if field.source == "title"), None)
    if known is None:
        count = sum(file.heading is not None for file in good)
        head = InferredField("title", "title", count, False, Guess("string"), heading=True)
        return [*fields] if "title" in taken else [head, *fields]
    if known.type not in ("string", "text"):
        return [*fields]
    return [replace(field, heading=True) if field is known else field for field in fields]


def _blank(node: Node) -> bool:
    return isinstance(node, Scalar) and not node.text.strip()


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
