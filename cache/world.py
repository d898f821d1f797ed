"""All evidence at one moment, and its way into rows and back.

A `World` is a value: reading a repository again gives a new one that shares every part that did not change, so
that projecting and diffing pass over those parts by identity.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, cast

from msgspec import Struct
from msgspec.structs import asdict, replace

from cache.model import (
    Blob,
    Commit,
    ContentProblem,
    FileVersion,
    HeadFile,
    KeptRevision,
    PullHead,
    PullHistory,
    PullRequest,
    ReadError,
    Repository,
    RepositoryEvidence,
)
from cache.problem_rows import ContentProblemRow, UnreadableRow
from cache.projection.directory import Directory, directory
from cache.projection.names import path_of, stored_path
from cache.pull_rows import HeadFileRow, PullHeadRow, PullHistoryRow, ReadErrorRow
from cache.rows import (
    EVIDENCE,
    AliasRow,
    BlobRow,
    CommitRow,
    FileVersionRow,
    PersonRow,
    PullRequestRow,
    RefRow,
    RepositoryRow,
    Row,
    Rows,
    tabulate,
)

HEAD = "HEAD"
HEADS = "refs/heads/"
PULLS = "refs/pull/"


class BranchTombstone(Struct, frozen=True):
    """A branch that a complete listing of refs no longer had."""

    repository_id: int
    name: str
    sha: str
    last_commit_at: datetime | None


class PullTombstone(Struct, frozen=True):
    """A pull request that the forge answered 404 for while its ref was gone from a complete listing."""

    pull: PullRequest
    head_sha: str | None


class RepositoryTombstone(Struct, frozen=True):
    """A repository that answered 404 by id and was missing from a complete list."""

    repository: Repository


KnownHeads = Mapping[int, Mapping[int, tuple[PullHead, ...]]]
"""The heads that pull requests had, as they were told, by repository and number."""
Published = Mapping[tuple[str, str], Mapping[tuple[str, int, int], KeptRevision]]
"""Revisions by block and collection, and then by the key as it is kept, the repository and the number."""


KeyPlace = tuple[str, str, str]
"""A block, a collection and a key of it."""


class Tombstones(Struct, frozen=True):
    """What `state.db` knows, be it gone from the forge: branches, pull requests and repositories that are, what was
    published of revisions, which repository held a key first that several claim, and the heads that pull requests had.
    """

    branches: Mapping[tuple[int, str], BranchTombstone] = {}
    pulls: Mapping[tuple[int, int], PullTombstone] = {}
    repositories: Mapping[int, RepositoryTombstone] = {}
    revisions: Published = {}
    heads: KnownHeads = {}
    holders: Mapping[KeyPlace, int] = {}


class World(Struct, frozen=True, dict=True):
    """Everything read of the forge, with what is gone."""

    listed: Mapping[int, Repository] = {}
    """Every repository known, by id, mirrored or not."""
    aliases: Mapping[str, int] = {}
    """Lower-case names that the forge redirects, to ids."""
    mirrored: Mapping[int, RepositoryEvidence] = {}
    tombstones: Tombstones = Tombstones()
    complete: bool = True
    """Whether every owner was listed to the end at least once: before that, a name not found proves nothing."""
    people: Mapping[str, str] = {}
    """Lower-case addresses that name a person, to logins; to nothing where the forge knows nobody."""
    owners: frozenset[str] | None = None
    """The owners of the configuration in lower case; None: everybody's repositories are ours to read."""
    named: frozenset[str] = frozenset()
    """The names that the configuration gives repositories, whoever owns them."""

    def ours(self, repository: Repository) -> bool:
        """Whether what an entry names may be read: who pushes the entry may name any repository of the forge."""
        return self.owners is None or repository.owner.lower() in self.owners or repository.id in self._configured

    @cached_property
    def _configured(self) -> frozenset[int]:
        return frozenset(found for name in self.named if (found := self.find(name)) is not None)

    @cached_property
    def by_name(self) -> Mapping[str, int]:
        """Ids of listed repositories by lower-case full name; a listed name wins over an alias, as on the forge.

        Where two are listed under one name, one of them was renamed and not read since; the newer one is taken.
        """
        names = {name: key for name, key in self.aliases.items() if key in self.listed}
        return names | {self.listed[key].full_name.lower(): key for key in sorted(self.listed)}

    @cached_property
    def directory(self) -> Directory:
        """The listed repositories by what they can be selected by."""
        return directory(self.listed.values())

    def find(self, full_name: str) -> int | None:
        """The id of the repository that the forge answers for under this name (names fold case there)."""
        return self.by_name.get(full_name.lower())

    def home(self, full_name: str) -> int | None:
        """Like `find`, and where nobody bears the name any more, the id of the repository that bore it last."""
        found = self.find(full_name)
        return self._gone_by_name.get(full_name.lower()) if found is None else found

    def gone_pull(self, repository_id: int, number: int) -> PullTombstone | None:
        """A pull request that is gone."""
        return self.tombstones.pulls.get((repository_id, number))

    def gone_repository(self, repository_id: int) -> RepositoryTombstone | None:
        """A repository that is gone."""
        return self.tombstones.repositories.get(repository_id)

    @cached_property
    def _gone_by_name(self) -> Mapping[str, int]:
        gone = self.tombstones.repositories
        return {gone[key].repository.full_name.lower(): key for key in sorted(gone)}

    def with_evidence(self, evidence: RepositoryEvidence) -> World:
        """This world after one repository was read."""
        key = evidence.repository.id
        return replace(
            self,
            listed={**self.listed, key: evidence.repository},
            mirrored={**self.mirrored, key: evidence},
        )

    def sharing(self, other: World, before: World) -> World:
        """This world, with the other's objects for whatever is equal in both: the same text is in memory once.

        What stood in the world `before` already is passed over.
        """
        mirrored = {
            key: evidence if before.mirrored.get(key) is evidence else _sharing(evidence, other.mirrored.get(key))
            for key, evidence in self.mirrored.items()
        }
        return replace(self, mirrored=mirrored)

    def without(self, repository_id: int, *, listed: bool) -> World:
        """This world without one repository's evidence; `listed` keeps it in the list."""
        return replace(
            self,
            listed=self.listed if listed else {k: v for k, v in self.listed.items() if k != repository_id},
            aliases={k: v for k, v in self.aliases.items() if listed or v != repository_id},
            mirrored={k: v for k, v in self.mirrored.items() if k != repository_id},
        )


_SHARED = ("commits", "versions", "blobs", "pulls", "histories")


def _sharing(evidence: RepositoryEvidence, other: RepositoryEvidence | None) -> RepositoryEvidence:
    if other is None or evidence is other:
        return evidence
    shared = {}
    for name in _SHARED:
        ours, theirs = getattr(evidence, name), getattr(other, name)
        shared[name] = {key: theirs[key] if theirs.get(key) == value else value for key, value in ours.items()}
    return replace(evidence, **shared)


# --------------------------------------------------------------------------------------------- to rows and back

EvidenceMemo = dict[int, tuple[RepositoryEvidence, tuple[Row, ...], dict[int, Row]]]
"""The rows of a repository's last evidence, and those of its values by identity (the evidence keeps them alive)."""


def evidence_rows(world: World, memo: EvidenceMemo | None = None) -> Rows:
    """The evidence tables of a world. `memo` keeps rows between calls; it never changes the answer."""
    memo = {} if memo is None else memo
    for gone in memo.keys() - world.mirrored.keys():
        del memo[gone]
    rows: list[Row] = [_repository_row(repository, world.mirrored.get(key)) for key, repository in world.listed.items()]
    for evidence in world.mirrored.values():
        rows.extend(_rows_of(evidence, memo))
    rows.extend(AliasRow(name, repository_id) for name, repository_id in world.aliases.items())
    rows.extend(PersonRow(address, login) for address, login in world.people.items())
    return tabulate(rows, EVIDENCE)


def _rows_of(evidence: RepositoryEvidence, memo: EvidenceMemo) -> tuple[Row, ...]:
    key = evidence.repository.id
    known = memo.get(key)
    if known is not None and known[0] is evidence:
        return known[1]
    before = known[2] if known is not None else {}
    made = {id(value): before.get(id(value)) or _value_row(key, value) for value in _values(evidence)}
    rows = (*made.values(), *_name_rows(evidence), *_history_rows(evidence))
    memo[key] = (evidence, rows, made)
    return rows


def _values(evidence: RepositoryEvidence) -> Iterator[Commit | FileVersion | Blob | PullRequest]:
    yield from evidence.commits.values()
    for versions in evidence.versions.values():
        yield from versions
    yield from evidence.blobs.values()
    yield from evidence.pulls.values()


def _value_row(key: int, value: Commit | FileVersion | Blob | PullRequest) -> Row:
    if isinstance(value, Commit):
        return CommitRow(repository_id=key, **asdict(value))
    if isinstance(value, FileVersion):
        return FileVersionRow(repository_id=key, **{**asdict(value), "path": stored_path(value.path)})
    if isinstance(value, Blob):
        return BlobRow(key, value.id, value.packed)
    return PullRequestRow(**asdict(value))


def _name_rows(evidence: RepositoryEvidence) -> Iterator[Row]:
    key = evidence.repository.id
    for name, sha in evidence.branches.items():
        yield RefRow(key, HEADS + name, sha)
    for number, sha in evidence.pull_heads.items():
        yield RefRow(key, f"{PULLS}{number}/head", sha)
    if evidence.last_head is not None:
        yield RefRow(key, HEAD, evidence.last_head)
    for object_id, named_by in evidence.unreadable.items():
        yield UnreadableRow(key, object_id, named_by)
    for error in evidence.read_errors.values():
        yield ReadErrorRow(repository_id=key, **asdict(error))
    for problem in evidence.problems:
        yield ContentProblemRow(key, problem.rule, stored_path(problem.path), problem.message)


def _history_rows(evidence: RepositoryEvidence) -> Iterator[Row]:
    key = evidence.repository.id
    for number, history in evidence.histories.items():
        yield PullHistoryRow(
            key, number, history.updated_at, history.settled, history.merge_commit, history.rewritten
        )
        for head in history.heads:
            yield PullHeadRow(repository_id=key, number=number, **asdict(head))
        for file in history.files:
            yield HeadFileRow(repository_id=key, number=number, **asdict(file))


def _repository_row(repository: Repository, evidence: RepositoryEvidence | None) -> RepositoryRow:
    """What the list says of it, which may be newer than what was read of it."""
    return RepositoryRow(
        **asdict(repository),
        full_name=repository.full_name,
        depth=evidence.depth if evidence else None,
        interest=evidence.interest if evidence else "",
        position=evidence.position if evidence else -1,
    )


def world_of(rows: Rows, tombstones: Tombstones) -> World:
    """The world that these evidence tables hold: the inverse of `evidence_rows`."""
    listed: dict[int, Repository] = {}
    parts: dict[int, dict[str, Any]] = {}
    for row in cast("list[RepositoryRow]", list(rows[RepositoryRow].values())):
        values = {k: v for k, v in asdict(row).items() if k not in {"full_name", "depth", "interest", "position"}}
        listed[row.id] = Repository(**values)
        if row.depth is not None:
            parts[row.id] = defaultdict(dict, depth=row.depth, interest=row.interest, position=row.position)
    for ref in cast("list[RefRow]", list(rows[RefRow].values())):
        if ref.name.startswith(HEADS):
            parts[ref.repository_id]["branches"][ref.name.removeprefix(HEADS)] = ref.sha
        elif ref.name == HEAD:
            parts[ref.repository_id]["last_head"] = ref.sha
        else:
            parts[ref.repository_id]["pull_heads"][int(ref.name.split("/")[2])] = ref.sha
    for commit in cast("list[CommitRow]", list(rows[CommitRow].values())):
        parts[commit.repository_id]["commits"][commit.sha] = Commit(**_less(commit, "repository_id"))
    grouped: dict[tuple[int, str], list[FileVersion]] = defaultdict(list)
    for version in cast("list[FileVersionRow]", list(rows[FileVersionRow].values())):
        path = path_of(version.path)
        values = {**_less(version, "repository_id"), "path": path}
        grouped[version.repository_id, path].append(FileVersion(**values))
    for (repository_id, path), versions in grouped.items():
        parts[repository_id]["versions"][path] = tuple(sorted(versions, key=lambda v: v.position))
    for blob in cast("list[BlobRow]", list(rows[BlobRow].values())):
        parts[blob.repository_id]["blobs"][blob.id] = Blob(blob.id, blob.content)
    for pull in cast("list[PullRequestRow]", list(rows[PullRequestRow].values())):
        parts[pull.repository_id]["pulls"][pull.number] = PullRequest(**asdict(pull))
    for number, history in _histories(rows).items():
        parts[number[0]]["histories"][number[1]] = history
    for lost in cast("list[UnreadableRow]", list(rows[UnreadableRow].values())):
        parts[lost.repository_id]["unreadable"][lost.object_id] = lost.named_by
    for error in cast("list[ReadErrorRow]", list(rows[ReadErrorRow].values())):
        parts[error.repository_id]["read_errors"][error.about] = ReadError(**_less(error, "repository_id"))
    problems: dict[int, list[ContentProblem]] = defaultdict(list)
    for wrong in cast("list[ContentProblemRow]", list(rows[ContentProblemRow].values())):
        problems[wrong.repository_id].append(ContentProblem(wrong.rule, path_of(wrong.path), wrong.message))
    for key, of_it in problems.items():
        parts[key]["problems"] = tuple(sorted(of_it))
    aliases = {row.full_name: row.repository_id for row in cast("list[AliasRow]", list(rows[AliasRow].values()))}
    mirrored = {key: RepositoryEvidence(repository=listed[key], **part) for key, part in parts.items()}
    people = {row.address: row.login for row in cast("list[PersonRow]", list(rows[PersonRow].values()))}
    return World(listed=listed, aliases=aliases, mirrored=mirrored, tombstones=tombstones, people=people)


def _histories(rows: Rows) -> dict[tuple[int, int], PullHistory]:
    heads: dict[tuple[int, int], list[PullHead]] = defaultdict(list)
    for head in cast("list[PullHeadRow]", list(rows[PullHeadRow].values())):
        heads[head.repository_id, head.number].append(PullHead(**_less(head, "repository_id", "number")))
    files: dict[tuple[int, int], list[HeadFile]] = defaultdict(list)
    for file in cast("list[HeadFileRow]", list(rows[HeadFileRow].values())):
        files[file.repository_id, file.number].append(HeadFile(**_less(file, "repository_id", "number")))
    told = {}
    for row in cast("list[PullHistoryRow]", list(rows[PullHistoryRow].values())):
        at = row.repository_id, row.number
        told[at] = PullHistory(
            heads=tuple(sorted(heads[at], key=lambda head: head.position)),
            files=tuple(sorted(files[at], key=lambda file: (file.position, file.path))),
            **_less(row, "repository_id"),
        )
    return told


def with_published(known: Published, fresh: Iterable[KeptRevision]) -> Published:
    """What is published, with more; groups to which nothing comes stay the same objects."""
    groups: dict[tuple[str, str], dict[tuple[str, int, int], KeptRevision]] = {}
    for each in fresh:
        place = each.block, each.collection
        if place not in groups:
            groups[place] = dict(known.get(place, {}))
        group = groups[place]
        if each.repository_id >= 0:  # it may have been published before its repository was known
            for at in [at for at in group if at[0] == each.key and at[1] < 0 and group[at].version == each.version]:
                del group[at]
        group[each.key, each.repository_id, each.number] = each
    return {**known, **groups} if groups else known


def with_heads(known: KnownHeads, fresh: Mapping[tuple[int, int], tuple[PullHead, ...] | None]) -> KnownHeads:
    """The heads that are known, with those of some pull requests; None for one of which none are kept any more."""
    changed: dict[int, dict[int, tuple[PullHead, ...]]] = {}
    for (repository_id, number), heads in fresh.items():
        of = changed.setdefault(repository_id, dict(known.get(repository_id, {})))
        if heads is None:
            of.pop(number, None)
        else:
            of[number] = heads
    return {**known, **changed} if changed else known


def _less(row: Row, *names: str) -> dict[str, Any]:
    values = asdict(row)
    for name in names:
        del values[name]
    return values


__all__ = [
    "BranchTombstone", "EvidenceMemo", "PullTombstone", "RepositoryTombstone", "Tombstones", "World",
    "evidence_rows", "with_heads", "with_published", "world_of",
]  # fmt: skip
