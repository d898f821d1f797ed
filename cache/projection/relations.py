"""Relations: what the fields of entries name, and whether it is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from cache.model import Repository
from cache.profile.fields import BY_PATH, Field, Relation, Within
from cache.profile.spots import Spot
from cache.projection.entries import Claim, Claims
from cache.projection.findings import Place, finding
from cache.projection.inputs import Inputs
from cache.projection.links import linked_path
from cache.rows import FindingRow, RelationRow

_Index = Mapping[tuple[object, str], tuple[Claim, ...]]
"""Entries by where they are and by the value of a field, or by their path."""


class Target(Struct, frozen=True):
    """Something that a field names: which kind of thing, the key of the entry or else the value as it is written, the
    id of a repository where that is known, and whether it is there. `many` where the value fits several entries.
    """

    field: str
    position: int
    kind: str
    target: str
    target_id: int | None
    resolved: bool
    told: bool = True
    """Whether it is a finding that it is not there."""
    many: bool = False
    apart: bool = False
    """Whether it is an entry of a private repository, named in a public one: whoever reads the fields of the one need
    not see the other, so its key does not get into them."""
    line: int | None = None
    """The line of the reference."""
    path: str | None = None
    """The path that a link means which leads to no entry."""
    invalid: str | None = None
    """The file of an entry that is there and is not served since it is invalid; empty where it is not to be named."""


class Findable(Protocol):
    """What is told of an entry to those that name it."""

    @property
    def key(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def repository(self) -> Repository: ...
    @property
    def repository_id(self) -> int: ...


class Among(Protocol):
    """The entries of a block, as they are found by what names them."""

    def offers(self, collection: str) -> bool:
        """Whether the block has a collection."""
        ...

    def winner(self, collection: str, key: str) -> Findable | None:
        """The entry that has a key."""
        ...

    def fitting(self, sought: Sought, collection: str, *, broken: bool) -> Sequence[Findable]:
        """The entries that fit, or those that would and are not served since they are broken."""
        ...


class AllEntries:
    """Every entry of a block, indexed as it is asked for."""

    def __init__(self, read: Mapping[str, Claims]) -> None:
        self._read = read
        self._indexes: dict[tuple[str, str, Within, bool], _Index] = {}

    def offers(self, collection: str) -> bool:
        """As `Among.offers`."""
        return collection in self._read

    def winner(self, collection: str, key: str) -> Claim | None:
        """As `Among.winner`."""
        return self._read[collection].winners.get(key)

    def fitting(self, sought: Sought, collection: str, *, broken: bool) -> Sequence[Claim]:
        """As `Among.fitting`."""
        match, within, place = sought
        known = self._indexes.get((collection, match, within, broken))
        if known is None:
            gathered: dict[tuple[object, str], list[Claim]] = defaultdict(list)
            read = self._read[collection]
            for claim in read.broken if broken else read.winners.values():
                value = said_by(claim, match)
                if value is not None:
                    gathered[place_of(claim, within), value].append(claim)
            known = {where: tuple(fitting) for where, fitting in gathered.items()}
            self._indexes[collection, match, within, broken] = known
        return known.get(place, ())


class Targets:
    """Finds what the entries of a block name, among the block's entries as they are now and the repositories."""

    def __init__(self, world: Inputs, among: Among) -> None:
        self._world, self._among = world, among

    def of(self, claim: Claim, *, proposed: bool = False) -> Iterator[Target]:
        """Everything that an entry's fields name, in their order.

        What is only `proposed` may be anybody's word, from a fork: what its author cannot see counts as what is not
        there, else a missing finding would tell which private keys and repositories exist.
        """
        for field in claim.collection.fields:
            one = field.of if field.type == "list" and field.of is not None else field
            if one.type not in ("repository", "user", "ref"):
                continue
            value = claim.record.fields.get(field.name)
            values = value if isinstance(value, list) else [] if value is None else [value]
            places = claim.record.spots.get(field.name, ())
            for position, target in enumerate(values):
                if isinstance(target, str):
                    spot = places[position] if position < len(places) else None
                    found = self._target(field.name, position, one, target, claim, spot, proposed)
                    yield replace(found, line=line_of(claim) or (spot.line if spot is not None else None))

    def _target(
        self, name: str, position: int, field: Field, target: str, claim: Claim, spot: Spot | None, proposed: bool
    ) -> Target:
        """Before every owner was listed to the end, a name that is not found proves nothing; logins are not looked
        up.
        """
        told = field.dangling == "finding"
        if field.type == "repository":
            found = self._world.find(target)
            if found is not None and proposed and not self.open_to_all(found, claim.repository_id):
                found = None
            there = found is not None or not self._world.complete
            return Target(name, position, field.type, target, found, there, told)
        if field.type != "ref" or field.relation is None:
            return Target(name, position, field.type, target, None, True, told)

        def counts(one: Findable | None) -> bool:
            return one is not None and (not proposed or self.open_to_all(one.repository_id, claim.repository_id))

        collections = [each for each in field.relation.collections if self._among.offers(each)]
        if not field.relation.match and any(counts(self._among.winner(each, target)) for each in collections):
            return Target(name, position, field.type, target, None, True, told)
        link = target if spot is None or spot.link is None else spot.link
        sought = list(_sought(field.relation, claim, target, link))
        fitting = self._fitting(collections, sought, counts, broken=False) if field.relation.match else ()
        if len(fitting) == 1:
            apart = self._private(fitting[0]) and not self._private(claim)
            return Target(name, position, field.type, fitting[0].key, None, True, told, apart=apart)
        path = next((text for match, _, (_, text) in sought if match == BY_PATH), None)
        broken = () if fitting else self._fitting(collections, sought, counts, broken=True)
        invalid = self._invalid(broken, claim) if broken else None
        return Target(
            name, position, field.type, target, None, False, told, len(fitting) > 1, path=path, invalid=invalid
        )

    def _fitting(
        self, collections: Sequence[str], sought: Iterable[Sought], counts: Callable[[Findable], bool], *, broken: bool
    ) -> tuple[Findable, ...]:
        """The entries that fit by the first of several ways by which any does."""
        for one_way in sought:
            fitting = (one for each in collections for one in self._among.fitting(one_way, each, broken=broken))
            if found := tuple(one for one in fitting if counts(one)):
                return found
        return ()

    def _invalid(self, broken: Sequence[Findable], claim: Claim) -> str:
        """How to name the file of a target that is not served; not at all where a reader need not see it."""
        first = min(broken, key=lambda one: (one.repository_id, one.path))
        if self._private(first) and not self._private(claim):
            return ""
        here = first.repository_id == claim.repository_id
        return first.path if here else f"{first.repository.full_name}/{first.path}"

    def open_to_all(self, repository_id: int, beside: int) -> bool:
        """Whether whoever sees the repository `beside` sees this one too."""
        there = self._world.listed.get(repository_id)
        return repository_id == beside or (there is not None and not there.private)

    def _private(self, claim: Findable) -> bool:
        return self._world.listed.get(claim.repository_id, claim.repository).private


Sought = tuple[str, Within, tuple[object, str]]
"""By what, how far, and where which value."""
_KEY = ""
"""By what a ref is looked for that names the target's key."""


def _sought(relation: Relation, claim: Claim, target: str, link: str) -> Iterator[Sought]:
    """The ways in which a target is looked for, in their order."""
    for match, within in ways_to(relation):
        value = linked_path(claim.path, link) if match == BY_PATH else target
        if value is not None:
            yield match, within, (place_of(claim, within), value)


def ways_to(relation: Relation) -> Iterator[tuple[str, Within]]:
    """By what the targets of a relation are looked for, and how far, in their order."""
    for match in relation.match or (_KEY,):
        yield match, "repository" if match == BY_PATH else "block" if match == _KEY else relation.within


def said_by(claim: Claim, match: str) -> str | None:
    """What an entry says of itself where it is looked for by `match`, as a ref says it; None where it says nothing."""
    if match == _KEY:
        return claim.key
    value = claim.path if match == BY_PATH else claim.record.fields.get(match)
    return _text(value) if isinstance(value, (str, int)) else None


def place_of(claim: Claim, within: Within) -> object:
    """What entries have in common among which a value is looked for."""
    if within == "block":
        return None
    folder = claim.path.rpartition("/")[0] if within == "folder" else ""
    return claim.repository_id, folder


def _text(value: str | int) -> str:
    """A value as a ref says it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def fields_of(claim: Claim, targets: Iterable[Target]) -> Mapping[str, Any]:
    """An entry's fields, with the key of the entry that was found in the place of what a `match` was made by."""
    found = [each for each in targets if each.kind == "ref" and each.resolved and not each.apart]
    if not found:
        return claim.record.fields
    fields = dict(claim.record.fields)
    for each in found:
        value = fields[each.field]
        if isinstance(value, list):
            fields[each.field] = [*value[: each.position], each.target, *value[each.position + 1 :]]
        else:
            fields[each.field] = each.target
    return fields


def relations(claim: Claim, place: Place, targets: Iterable[Target], found: list[FindingRow]) -> Iterator[RelationRow]:
    """The rows of an entry's relations; a finding into `found` for each that leads to nothing."""
    for each in targets:
        if not each.resolved and each.told:
            rule = "dangling" if each.invalid is None else "invalid-target"
            message = f"{each.field} names {each.target}, which {_why(each)}"
            found.append(finding(place, rule, message, field=each.field, line=each.line))
        yield RelationRow(
            block=place.block or "",
            collection=claim.collection.name,
            key=claim.key,
            field=each.field,
            position=each.position,
            kind=each.kind,
            target=each.target,
            target_id=each.target_id,
            resolved=each.resolved,
        )


def _why(target: Target) -> str:
    if target.invalid is not None:
        named = f" {target.invalid}" if target.invalid else ""
        return f"is there, but its file{named} is invalid; correct that file"
    if target.many:
        return "fits several entries; give them values of their own"
    return "is not there or not shown to us; correct it"


def line_of(claim: Claim) -> int | None:
    """The line of an entry that shares its file with others."""
    return claim.record.line if claim.collection.format == "jsonl" else None
