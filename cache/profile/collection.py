"""A profile bound to its parameters: the frozen values that everything else works with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from cache.model import Repository
from cache.profile.fields import Field
from cache.profile.patterns import HeadPattern, PathPattern

Format = Literal["md", "yaml", "json", "jsonl"]
Unknown = Literal["keep", "warn", "refuse"]
ActorKind = Literal["opener", "audit", "trailer", "bot"]
RevisionRule = Literal["pull_request", "field"]


class RepositorySelector(Struct, frozen=True):
    """The repositories that hold a collection: one by its name, or all of an owner that fit.

    `name` is a glob over repository names. Names compare without case, as the forge compares them.
    """

    full_name: str | None = None
    owner: str | None = None
    name: str | None = None
    topic: str | None = None

    def selects(self, repository: Repository) -> bool:
        """Whether a repository is among them."""
        if self.full_name is not None:
            return repository.full_name.lower() == self.full_name.lower()
        if self.owner is not None and repository.owner.lower() != self.owner.lower():
            return False
        if self.name is not None and not fnmatchcase(repository.name.lower(), self.name.lower()):
            return False
        return self.topic is None or self.topic in repository.topics

    def meets(self, other: RepositorySelector) -> bool:
        """Whether a repository may be among both; errs towards yes."""
        if self.full_name is not None and other.full_name is not None:
            return self.full_name.lower() == other.full_name.lower()
        owners = [s.owner or (s.full_name or "").partition("/")[0] for s in (self, other)]
        if all(owners) and owners[0].lower() != owners[1].lower():
            return False
        for exact, wide in ((self, other), (other, self)):
            if exact.full_name is not None and wide.name is not None:
                name = exact.full_name.partition("/")[2]
                return fnmatchcase(name.lower(), wide.name.lower())
        return True


class DocumentRule(Struct, frozen=True):
    """An entry whose fields have the values of `when` is spoken for by a file of its own repository."""

    when: Mapping[str, Any]
    repository_field: str
    path: str


class BranchesRule(Struct, frozen=True):
    """The branches of an entry are those of the repository that this field names."""

    repository_field: str


class PullRule(Struct, frozen=True):
    """Pull requests of one repository (`repository`, its full name) or of each entry's own (`field` names it).

    `head` gives the entry's key by its captures; without `head` every pull request counts. Those from forks count
    only where `forks` is set: anybody may name a branch of a fork.
    """

    kind: str
    repository: str | None = None
    field: str | None = None
    head: HeadPattern | None = None
    forks: bool = False


class ActorStep(Struct, frozen=True):
    """One way to find the person behind a pull request; the first that finds one counts.

    `collection` holds the audit entries (fields `repo`, `pr_number`, `on_behalf_of`), `name` is the trailer's.
    """

    kind: ActorKind
    collection: str | None = None
    name: str | None = None


class RevisionsRule(Struct, frozen=True):
    """How revisions come to be: by pull requests that touch the entry, or by commits that set `field`."""

    rule: RevisionRule
    field: str | None = None


class Collection(Struct, frozen=True):
    """A kind of entry: where its files are, what they hold, what belongs to each.

    `key` names the captures (or fields, for `jsonl` the one of a line) that make an entry's key; `body` is the field
    name that the text below the front matter goes by, None where it is not kept. `label` is the field to show people.
    The files of a `lenient` one were not written for it: what does not fit counts as absent.
    """

    block: str
    name: str
    key: tuple[str, ...]
    key_has_repository: bool
    format: Format
    repository: RepositorySelector
    pattern: PathPattern
    body: str | None
    unknown_fields: Unknown
    fields: tuple[Field, ...]
    title: str = ""
    refused_fields: tuple[str, ...] = ()
    document: DocumentRule | None = None
    branches: BranchesRule | None = None
    pulls: tuple[PullRule, ...] = ()
    actor: tuple[ActorStep, ...] = ()
    revisions: RevisionsRule | None = None
    indexes: tuple[tuple[str, ...], ...] = ()
    search: tuple[str, ...] = ()
    label: str = ""
    lenient: bool = False
    history: int | None = None
    """How many of the newest changes of an entry are kept as its history; None: all."""

    def captures(self, path: str) -> dict[str, str] | None:
        """What a path gives for the key and for fields, None where it is no path of an entry."""
        found = self.pattern.match(path)
        return {**found, "path": path} if found is not None and "path" in self.key else found

    def field(self, name: str) -> Field:
        """A field by its name. KeyError: there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)


def unlike(collections: Iterable[Collection]) -> tuple[Collection, ...]:
    """Of several collections that read every file alike only the first: blocks of one profile differ by less."""
    found: list[Collection] = []
    kinds: list[Collection] = []
    for collection in collections:
        kind = replace(collection, block="", repository=RepositorySelector())
        if kind not in kinds:
            kinds.append(kind)
            found.append(collection)
    return tuple(found)


class ViewColumn(Struct, frozen=True):
    """A column: its name, what it shows, and whether as JSON text.

    `source` is `key.PART`, `field.NAME`, or a name that the view's rows have of their own (`views.ATTRIBUTES`).
    """

    name: str
    source: str
    json: bool = False


class ViewRule(Struct, frozen=True):
    """An SQL view for the profile's users. `rows` says what a row is: an entry of `collection`, or one of its
    branches, pull requests or revisions.
    """

    name: str
    rows: Literal["entries", "branches", "pulls", "revisions"]
    collection: str
    columns: tuple[ViewColumn, ...]


class Block(Struct, frozen=True):
    """A profile in use under a name, with its parameters. Entries are projected anew when `fingerprint` changes."""

    name: str
    profile: str
    title: str
    parameters: Mapping[str, Any]
    collections: tuple[Collection, ...]
    views: tuple[ViewRule, ...]
    view_prefix: str
    fingerprint: str
    bot: str | None = None
    forge: tuple[str, ...] = ()
    """The addresses under which the forge is known, the one that links begin with first; none in a block by itself."""

    def collection(self, name: str) -> Collection:
        """A collection by its name. KeyError: there is none."""
        for collection in self.collections:
            if collection.name == name:
                return collection
        raise KeyError(name)
