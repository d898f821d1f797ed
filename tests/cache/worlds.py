"""A forge told in a few lines: what is pushed, raised and deleted, and the world and rows that follow from it.

    forge = Forge(rfc_block())
    meta = forge.repository("acme/meta")
    meta.push({"rfcs/one.md": rfc("One")})
    assert forge.rows().entry("one").title == "One"

Every event is one minute after the last. Nothing here reads Git: commits and blobs are made up, and alike for alike
pushes, so that a world can be built twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from msgspec.structs import replace

from cache.model import (
    Blob,
    Commit,
    FileVersion,
    HeadFile,
    PullHead,
    PullHistory,
    PullRequest,
    Repository,
    RepositoryEvidence,
)
from cache.profile.block import Block, bind, load_profile
from cache.profile.loader import read_profile
from cache.projection.project import project
from cache.projection.reach import Interest, reach
from cache.rows import BranchRow, EntryRow, FindingRow, PullEntryRow, PullRow, RelationRow, Row, Rows
from cache.world import BranchTombstone, PullTombstone, RepositoryTombstone, Tombstones, World

T0 = datetime(2026, 1, 1, tzinfo=UTC)
MAIN = "main"
LINK, SUBMODULE, FILE, GONE = "120000", "160000", "100644", "000000"
R = TypeVar("R", bound=Row)


def rfc_block(**parameters: str) -> Block:
    """The shipped `rfc` profile over `acme/meta`, whose bot is `robot`."""
    return bind(load_profile("rfc"), parameters={"meta": "acme/meta", "bot": "robot", **parameters})


def block(text: str, **parameters: object) -> Block:
    """A profile written out, bound to its parameters."""
    return bind(read_profile(text), parameters=parameters)


def rfc(title: str = "A title", state: str = "idea", body: str = "Words.\n", **fields: object) -> str:
    """The file of an entry of the `rfc` profile."""
    lines = [f"{name}: {value}" for name, value in {"title": title, "state": state, **fields}.items()]
    return "\n".join(["---", *lines, "---", body])


def object_id(*parts: object) -> str:
    """Forty hexadecimal digits, the same for the same parts."""
    return hashlib.sha1(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()


@dataclass
class Clock:
    """One minute on with every event."""

    now: datetime = T0

    def tick(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@dataclass
class Hub:
    """One repository of the forge, and everything that happened in it."""

    repository: Repository
    clock: Clock
    default: str = MAIN
    branches: dict[str, str] = field(default_factory=dict)
    pulls: dict[int, PullRequest] = field(default_factory=dict)
    pull_heads: dict[int, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    versions: dict[str, list[FileVersion]] = field(default_factory=dict)
    blobs: dict[str, Blob] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    histories: dict[int, PullHistory] = field(default_factory=dict)
    withheld: set[str] = field(default_factory=set)
    """Blobs of heads that the forge does not give now."""
    position: int = -1

    @property
    def id(self) -> int:
        return self.repository.id

    def commit(self, message: str = "Change", by: str = "ada", at: datetime | None = None) -> Commit:
        """A commit that is on no branch yet."""
        when = at or self.clock.tick()
        sha = object_id(self.id, len(self.commits), message, by, when)
        made = Commit(sha, by, f"{by}@example.org", when, by, f"{by}@example.org", when, message)
        self.commits[sha] = made
        return made

    def push(
        self,
        files: Mapping[str, str | bytes | None],
        message: str = "Change",
        *,
        by: str = "ada",
        at: datetime | None = None,
        made: Commit | None = None,
        mode: str = FILE,
        readable: bool = True,
    ) -> Commit:
        """One commit on the default branch; None removes a file. `made` is the commit of a side branch merged by it."""
        landed = self.commit(message, by, at)
        self.position += 1
        self.branches[self.default] = landed.sha
        for path, text in files.items():
            content = text.encode() if isinstance(text, str) else text
            blob = None if content is None else object_id("blob", content)
            commit = (made or landed).sha
            kind = GONE if blob is None else mode
            version = FileVersion(path, self.position, landed.sha, commit, blob, kind)
            self.versions.setdefault(path, []).append(version)
            if blob is not None:
                self.blobs[blob] = Blob.of(blob, content if readable else None)
        return landed

    def branch(self, name: str) -> Commit:
        """A push to another branch."""
        made = self.commit(f"Work on {name}")
        self.branches[name] = made.sha
        return made

    def raise_pull(self, number: int, label: str, **other: Any) -> PullRequest:
        """A pull request from a branch of this repository, opened by `ada`; `other` changes any of its columns."""
        head = self.commit(f"Head of {label}")
        self.pull_heads[number] = head.sha
        values: dict[str, Any] = {
            "repository_id": self.id, "number": number, "title": f"Pull {number}", "body": "", "user": "ada",
            "state": "open", "draft": False, "merged": False, "head_label": label,
            "head_repository_id": self.id, "base_ref": self.default, "created_at": self.clock.tick(),
        }  # fmt: skip
        self.pulls[number] = PullRequest(**{**values, **other})
        return self.pulls[number]

    def change_pull(self, number: int, **columns: Any) -> PullRequest:
        self.pulls[number] = replace(self.pulls[number], **columns)
        return self.pulls[number]

    def push_head(self, number: int, files: Mapping[str, str | bytes | None], *, forced: bool = False) -> PullHead:
        """A pull request's next head, and what it makes of files; None removes one."""
        made = self.commit(f"Head of {number}")
        self.pull_heads[number] = made.sha
        known = self.histories.get(number) or PullHistory(number, made.committed_at, True)
        at = len(known.heads)
        head = PullHead(at, made.sha, made.committed_at, forced, True, (made.sha,), event=at + 1)
        fresh = []
        for path, text in files.items():
            content = text.encode() if isinstance(text, str) else text
            blob = None if content is None else object_id("blob", content)
            if blob is not None:
                self.blobs[blob] = Blob.of(blob, content)
            before = self.versions[path][-1].blob if path in self.versions else None
            fresh.append(HeadFile(at, path, blob, GONE if blob is None else FILE, blob != before, before))
        files_now = sorted((*known.files, *fresh), key=lambda file: (file.position, file.path))
        self.histories[number] = replace(known, heads=(*known.heads, head), files=tuple(files_now))
        return head

    def merge(self, number: int) -> PullRequest:
        """Merge a pull request and delete its branch, as the button does."""
        pull, when = self.pulls[number], self.clock.tick()
        self.branches.pop(pull.head_label, None)
        return self.change_pull(
            number, state="closed", merged=True, merged_at=when, closed_at=when,
            merge_commit_sha=object_id("merge", number),
        )  # fmt: skip

    def evidence(self, interest: Interest) -> RepositoryEvidence:
        """All that is read where this is looked for."""
        files = interest.depth == "files"
        versions = {p: tuple(v) for p, v in self.versions.items() if files and interest.wants(p)}
        histories = {n: h for n, h in self.histories.items() if files and n in self.pulls}
        blobs = {v.blob for changes in versions.values() for v in changes}
        blobs |= {file.blob for history in histories.values() for file in history.files} - self.withheld
        return RepositoryEvidence(
            repository=replace(self.repository, default_branch=self.default),
            depth=interest.depth,
            interest=interest.canonical,
            position=self.position if files else -1,
            branches=dict(self.branches),
            pull_heads=dict(self.pull_heads),
            commits=dict(self.commits),
            versions=versions,
            blobs={key: blob for key, blob in self.blobs.items() if key in blobs},
            pulls=dict(self.pulls),
            unreadable=dict(self.unreadable),
            histories=histories,
        )


class Forge:
    """Repositories, the blocks that read them, and what is gone."""

    def __init__(self, *blocks: Block) -> None:
        self.blocks = blocks or (rfc_block(),)
        self.clock = Clock()
        self.hubs: dict[int, Hub] = {}
        self.aliases: dict[str, int] = {}
        self.complete = True
        self.people: dict[str, str] = {}
        self.gone_branches: list[BranchTombstone] = []
        self.gone_pulls: list[PullTombstone] = []
        self.gone: list[RepositoryTombstone] = []

    def repository(self, full_name: str, *, id: int | None = None, **other: Any) -> Hub:  # noqa: A002 - the forge's word
        """A repository; ids count from 1."""
        owner, _, name = full_name.partition("/")
        key = id or len(self.hubs) + len(self.gone) + 1
        self.hubs[key] = Hub(Repository(key, owner, name, default_branch=MAIN, **other), self.clock)
        return self.hubs[key]

    def delete_branch(self, hub: Hub, name: str) -> None:
        """A branch goes, and we were there to see it."""
        sha = hub.branches.pop(name)
        self.gone_branches.append(BranchTombstone(hub.id, name, sha, hub.commits[sha].committed_at))

    def delete_pull(self, hub: Hub, number: int) -> None:
        """A pull request goes, and we were there to see it."""
        self.gone_pulls.append(PullTombstone(hub.pulls.pop(number), hub.pull_heads.pop(number)))

    def delete_repository(self, hub: Hub) -> None:
        """A repository goes with all that is in it, and we were there to see it."""
        for name in list(hub.branches):
            self.delete_branch(hub, name)
        for number in list(hub.pulls):
            self.delete_pull(hub, number)
        self.gone.append(RepositoryTombstone(self.hubs.pop(hub.id).repository))

    def tombstones(self) -> Tombstones:
        return Tombstones(
            {(t.repository_id, t.name): t for t in self.gone_branches},
            {(t.pull.repository_id, t.pull.number): t for t in self.gone_pulls},
            {t.repository.id: t for t in self.gone},
        )

    def world(self) -> World:
        """Everything within reach, read: what comes within reach by an entry is read in another round."""
        listed = {key: replace(hub.repository, default_branch=hub.default) for key, hub in self.hubs.items()}
        world = World(listed, dict(self.aliases), {}, self.tombstones(), self.complete, dict(self.people))
        while True:
            rows = project(world, self.blocks)
            wanted = reach(self.blocks, world, rows[EntryRow].values()).interests
            read = {key: self.hubs[key].evidence(interest) for key, interest in wanted.items()}
            if read == world.mirrored:
                return world
            world = replace(world, mirrored=read)

    def rows(self) -> Told:
        return Told(project(self.world(), self.blocks))


class Told:
    """Projected rows, with short ways to them."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def all(self, kind: type[R]) -> list[R]:
        return [row for row in self.rows[kind].values() if isinstance(row, kind)]

    def entry(self, key: str, collection: str = "rfcs") -> EntryRow:
        (row,) = (row for row in self.all(EntryRow) if (row.key, row.collection) == (key, collection))
        return row

    def keys(self, collection: str = "rfcs") -> list[str]:
        return sorted(row.key for row in self.all(EntryRow) if row.collection == collection)

    def findings(self, rule: str | None = None) -> list[FindingRow]:
        return sorted((f for f in self.all(FindingRow) if rule in (None, f.rule)), key=lambda f: (f.rule, f.message))

    def finding(self, rule: str) -> FindingRow:
        (row,) = self.findings(rule)
        return row

    def pull(self, number: int, repository_id: int = 1) -> PullRow:
        (row,) = (p for p in self.all(PullRow) if (p.repository_id, p.number) == (repository_id, number))
        return row

    def places(self, number: int, repository_id: int = 1) -> list[PullEntryRow]:
        return [p for p in self.all(PullEntryRow) if (p.repository_id, p.number) == (repository_id, number)]

    def place(self, number: int, repository_id: int = 1) -> PullEntryRow:
        (row,) = self.places(number, repository_id)
        return row

    def branches(self, key: str) -> dict[str, BranchRow]:
        return {row.name: row for row in self.all(BranchRow) if row.key == key}

    def relations(self, key: str, name: str) -> list[RelationRow]:
        found = (row for row in self.all(RelationRow) if (row.key, row.field) == (key, name))
        return sorted(found, key=lambda row: row.position)


def turned_round(world: World) -> World:
    """The same world, with every mapping in another order; worlds compare equal whatever their order."""

    def turned(mapping: Any) -> dict[Any, Any]:
        return dict(reversed(mapping.items()))

    def repository(evidence: RepositoryEvidence) -> RepositoryEvidence:
        parts = ("branches", "pull_heads", "commits", "versions", "blobs", "pulls", "unreadable", "histories")
        return replace(evidence, **{part: turned(getattr(evidence, part)) for part in parts})

    stones = world.tombstones
    return World(
        turned(world.listed),
        turned(world.aliases),
        {key: repository(evidence) for key, evidence in turned(world.mirrored).items()},
        Tombstones(turned(stones.branches), turned(stones.pulls), turned(stones.repositories)),
        world.complete,
        turned(world.people),
    )


def changed(world: World, repository_id: int, **parts: Any) -> World:
    """A world in which only some parts of one repository's evidence are others."""
    return world.with_evidence(replace(world.mirrored[repository_id], **parts))


def touched(world: World, hub: Hub, number: int, path: str, text: str, *, changed_there: bool = True) -> World:
    """A world in which a pull request has one head, which holds a file with this text."""
    blob = Blob.of(object_id("blob", text), text.encode())
    head = PullHead(0, hub.pull_heads[number], T0, False, True, (hub.pull_heads[number],))
    file = HeadFile(0, path, blob.id, "100644", changed_there, None)
    history = PullHistory(number, T0, True, heads=(head,), files=(file,))
    evidence = world.mirrored[hub.id]
    return changed(
        world, hub.id, histories={**evidence.histories, number: history}, blobs={**evidence.blobs, blob.id: blob}
    )
