"""Relations: what the fields of entries name, and whether it is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from cache.profile.fields import Field, Within
from cache.projection.entries import Claim, Claims
from cache.projection.findings import Place, finding
from cache.rows import FindingRow, RelationRow
from cache.world import World

_Index = Mapping[tuple[object, str], tuple[Claim, ...]]
"""Entries by where they are and by the value of a field."""


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


class Targets:
    """Finds what the entries of a block name, among the block's entries as they are now and the repositories."""

    def __init__(self, world: World, read: Mapping[str, Claims]) -> None:
        self._world, self._read = world, read
        self._indexes: dict[tuple[str, str, Within], _Index] = {}

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
            for position, target in enumerate(values):
                if isinstance(target, str):
                    yield self._target(field.name, position, one, target, claim, proposed)

    def _target(self, name: str, position: int, field: Field, target: str, claim: Claim, proposed: bool) -> Target:
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
        if field.type == "ref" and field.relation is not None:
            collections = [each for each in field.relation.collections if each in self._read]
            if field.relation.match is None:
                named = (self._read[each].winners.get(target) for each in collections)
                there = any(one is not None and self._counts(one, claim, proposed) for one in named)
                return Target(name, position, field.type, target, None, there, told)
            match, within = field.relation.match, field.relation.within
            place = (_place(claim, within), target)
            found_by = (one for each in collections for one in self._index(each, match, within).get(place, ()))
            fitting = [one for one in found_by if self._counts(one, claim, proposed)]
            if len(fitting) != 1:
                return Target(name, position, field.type, target, None, False, told, len(fitting) > 1)
            apart = self._private(fitting[0]) and not self._private(claim)
            return Target(name, position, field.type, fitting[0].key, None, True, told, apart=apart)
        return Target(name, position, field.type, target, None, True, told)

    def open_to_all(self, repository_id: int, beside: int) -> bool:
        """Whether whoever sees the repository `beside` sees this one too."""
        there = self._world.listed.get(repository_id)
        return repository_id == beside or (there is not None and not there.private)

    def _counts(self, one: Claim, claim: Claim, proposed: bool) -> bool:
        return not proposed or self.open_to_all(one.repository_id, claim.repository_id)

    def _private(self, claim: Claim) -> bool:
        return self._world.listed.get(claim.repository_id, claim.evidence.repository).private

    def _index(self, collection: str, match: str, within: Within) -> _Index:
        known = self._indexes.get((collection, match, within))
        if known is None:
            gathered: dict[tuple[object, str], list[Claim]] = defaultdict(list)
            for claim in self._read[collection].winners.values():
                value = claim.record.fields.get(match)
                if isinstance(value, (str, int)):
                    gathered[_place(claim, within), _text(value)].append(claim)
            known = {place: tuple(fitting) for place, fitting in gathered.items()}
            self._indexes[collection, match, within] = known
        return known


def _place(claim: Claim, within: Within) -> object:
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
            why = "fits several entries; give them values of their own" if each.many else _NOTHING
            message = f"{each.field} names {each.target}, which {why}"
            found.append(finding(place, "dangling", message, field=each.field, line=line_of(claim)))
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


_NOTHING = "is not there or not shown to us; correct it"


def line_of(claim: Claim) -> int | None:
    """The line of an entry that shares its file with others."""
    return claim.record.line if claim.collection.format == "jsonl" else None
