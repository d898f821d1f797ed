"""What the rows must say, told from the forge alone.

Written apart from the projection and the profile, for the profile `rfc`: it reads the bare repositories with plain
git and the stand-in's own state, and knows just enough of an entry's text to read what these tests write.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from harness import BOT, META, OWNER
from oracle_git import Gits, Seen
from oracle_revisions import Revisions, Said, is_link, was_forced, was_forced_at_once, was_retargeted

from gitea_client.fake import StandIn
from gitea_client.fake.state import Pull, Repository

STATES = ("idea", "active", "withdrawn")
_ENTRY = re.compile(r"rfcs/([^/]+)\.md")
_AUDIT = re.compile(r"audit/([^/]+)\.jsonl")
_HEADS = (
    ("idea", re.compile(r"propose/([^/]+)")),
    ("meta_body_edit", re.compile(r"edit/([^/]+)/.+")),
    ("meta_claim", re.compile(r"claim/([^/]+)")),
    ("meta_metadata", re.compile(r"metadata/([^/]+)")),
)
_TRAILER = re.compile(r"On-behalf-of: (?:.*<([^<>]+)>|(\S+))")

Facts = dict[str, Any]

_NOT_GIVEN: Facts = {
    **dict.fromkeys(("id", "repo", "proposed_by", "proposed_at", "graduated_at", "graduated_by")),
    **{name: [] for name in ("owners", "arbiters", "tags")},
}
"""What an entry says of the profile's fields that it leaves out."""


@dataclass
class Expected:
    """Rows by their keys, each with the columns that the oracle knows."""

    repositories: dict[int, Facts] = field(default_factory=dict)
    entries: dict[str, Facts] = field(default_factory=dict)
    actions: dict[str, Facts] = field(default_factory=dict)
    history: dict[tuple[str, str, int], Facts] = field(default_factory=dict)
    branches: dict[tuple[str, int, str], Facts] = field(default_factory=dict)
    pulls: dict[tuple[int, int], Facts] = field(default_factory=dict)
    places: dict[tuple[int, int], Facts] = field(default_factory=dict)
    wrong: set[tuple[str, int, str]] = field(default_factory=set)
    """Findings: rule (`file` for anything wrong within a file), repository, path."""
    mirrored: set[int] = field(default_factory=set)
    revisions: dict[tuple[int, int], Said] = field(default_factory=dict)
    """What is known of the revisions of each pull request."""
    proposals: dict[tuple[int, int], dict[str, Facts]] = field(default_factory=dict)
    """What each open pull request of which the oracle is sure would make of entries."""
    forced_at_once: set[int] = field(default_factory=set)
    """Repositories with a pull request that was opened with nothing to add and then forced: its timeline tells as much
    as one that has forgotten its first pushes, so the finding `heads-forgotten` may stand there. Of a forge that does
    forget, every one that was forced or given another base."""
    placed: dict[tuple[int, int], tuple[str | None, ...]] = field(default_factory=dict)
    """What the revisions of a pull request hang on beside its heads: whose document it may touch, and its branch."""
    homes: dict[str, int] = field(default_factory=dict)
    """The repository that each entry names as its own."""


@dataclass
class Served:
    """An entry's file at the version that is served."""

    values: Facts
    body: str
    position: int


class Oracle:
    """Tells what the rows must say at this moment."""

    def __init__(self, forge: StandIn) -> None:
        self._forge = forge
        self.bot = BOT
        """The bot of the configuration."""
        self._gits = Gits()
        self._revisions = Revisions(self._gits, rewrites=forge.world.rewrites)

    def expect(self) -> Expected:
        """Everything that must stand in the rows once all was read."""
        for repository in self._forge.world.repositories.values():
            self._gits.at(repository.path).look_again(repository.git.collected)
        told = Expected()
        for repository in self._forge.world.repositories.values():
            if repository.owner.login == OWNER:
                told.repositories[repository.id] = _repository(repository)
        meta = self._find(META)
        if meta is None:
            return told
        self._mirror(told, meta)
        seen = self._seen(meta)
        served = {path: self._served(seen, path) for path in seen.changes if _ENTRY.fullmatch(path)}
        for path in sorted(served):
            self._entry(told, meta, seen, path, served[path])
        self._actions(told, meta, seen)
        self._pulls(told, meta, {p: s for p, s in served.items() if s is not None})
        return told

    # ------------------------------------------------------------------------------------------------ looking up

    def _find(self, full_name: str) -> Repository | None:
        return self._forge.world.find(full_name) or self._forge.world.moved(full_name)

    def _seen(self, repository: Repository) -> Seen:
        return Seen(self._gits.at(repository.path), repository.default_branch)

    def _mirror(self, told: Expected, repository: Repository) -> None:
        told.mirrored.add(repository.id)
        told.repositories[repository.id] = _repository(repository)

    # --------------------------------------------------------------------------------------------------- entries

    def _served(self, seen: Seen, path: str) -> Served | None:
        for change in reversed(seen.versions(path)):
            slug = _ENTRY.fullmatch(path)
            entry = (
                None
                if change.mode == "120000"
                else read_entry(seen.git.blob(change.blob or ""), slug[1] if slug else "")
            )
            if entry is not None:
                return Served(*entry, change.position)
        return None

    def _entry(self, told: Expected, meta: Repository, seen: Seen, path: str, served: Served | None) -> None:
        versions = seen.versions(path)
        if not versions:
            return
        if served is None or served.position != versions[-1].position:
            told.wrong.add(("file", meta.id, path))
        if served is None:
            return
        slug, git = path.removeprefix("rfcs/").removesuffix(".md"), seen.git
        change = next(v for v in versions if v.position == served.position)
        home = self._find(served.values["repo"]) if "repo" in served.values else None
        if home is not None and home is not meta and home.private and home.owner.login != OWNER:
            home = None  # that it is there is nothing to those who read here
        made, landed = git.commit(change.commit), git.commit(change.landed)
        row: Facts = {
            "repository_id": meta.id, "path": path, "title": served.values["title"],
            "valid": served.position == versions[-1].position, "entry_body": served.body, "body": served.body,
            "entry_sha": change.blob, "commit": made.sha, "last_entry_commit_at": made.at, "landed": landed.sha,
            "landed_at": landed.at, "created_at": git.commit(versions[0].adder).at, "updated_at": made.at,
            "home_repository_id": home.id if home else None, "last_main_commit_at": None,
            "document_sha": None, "document_commit": None, "document_body": None,
            "fields": {**_NOT_GIVEN, **served.values},
        }  # fmt: skip
        self._history(told, slug, "entry", seen, path)
        if "repo" in served.values and home is None:
            told.wrong.add(("dangling", meta.id, path))
        if home is not None and home.owner.login != OWNER and home is not meta:  # that one the configuration names
            told.repositories[home.id] = _repository(home)
            told.wrong.add(("outside-owners", meta.id, path))
        elif home is not None:
            self._home(told, slug, home, row)
        told.entries[slug] = row

    def _home(self, told: Expected, slug: str, home: Repository, row: Facts) -> None:
        self._mirror(told, home)
        told.homes[slug] = home.id
        seen = self._seen(home)
        for name, sha in seen.branches.items():
            told.branches[slug, home.id, name] = {
                "sha": sha, "last_commit_at": seen.git.commit(sha).at, "is_default": name == home.default_branch,
            }  # fmt: skip
        if seen.head is not None:
            row["last_main_commit_at"] = seen.git.commit(seen.head).at
        if row["fields"]["state"] != "active":
            return
        for change in reversed(versions := seen.versions("RFC.md")):
            text = _text(seen.git.blob(change.blob or ""))
            if text is None:
                if change is versions[-1]:
                    told.wrong.add(("file", home.id, "RFC.md"))
                continue
            made = seen.git.commit(change.commit)
            row |= {
                "document_sha": change.blob, "document_commit": made.sha, "document_body": text, "body": text,
                "updated_at": max(row["updated_at"], made.at),
            }  # fmt: skip
            self._history(told, slug, "document", seen, "RFC.md")
            return
        if not versions:
            told.wrong.add(("missing-document", home.id, "RFC.md"))

    def _history(self, told: Expected, slug: str, part: str, seen: Seen, path: str) -> None:
        there = False
        for change in seen.changes[path]:
            new = change.blob is not None and not there
            made, landed = seen.git.commit(change.adder if new else change.commit), seen.git.commit(change.landed)
            told.history[slug, part, change.position] = {
                "change": "removed" if change.blob is None else "modified" if there else "added",
                "sha": change.blob, "commit": made.sha, "commit_at": made.at, "author_name": made.author,
                "landed": landed.sha, "landed_at": landed.at, "subject": made.subject,
            }  # fmt: skip
            there = change.blob is not None

    # ------------------------------------------------------------------------------------- pull requests and people

    def _actions(self, told: Expected, meta: Repository, seen: Seen) -> None:
        for path in sorted(p for p in seen.changes if _AUDIT.fullmatch(p) and seen.versions(p)):
            for line in seen.git.blob(seen.versions(path)[-1].blob or "").decode().splitlines():
                try:
                    value = json.loads(line)
                except ValueError:
                    told.wrong.add(("file", meta.id, path))
                    continue
                told.actions.setdefault(value["id"], value)

    def _pulls(self, told: Expected, meta: Repository, served: dict[str, Served]) -> None:
        owners: dict[int, tuple[int, str]] = {}
        for slug, home in told.homes.items():
            landed = self._seen(meta).versions(f"rfcs/{slug}.md")[0].position
            owners[home] = min(owners.get(home, (landed, slug)), (landed, slug))
        for number in told.mirrored:
            repository = self._forge.world.repositories[number]
            for pull in repository.pulls.values():
                told.pulls[repository.id, pull.number] = self._pull(repository, pull)
                at_meta, owner = repository.id == meta.id, owners.get(repository.id, (0, None))[1]
                place = _place(pull, at_meta, owner)
                said = self._revisions.of(repository, pull, at_meta=at_meta, owner=owner)
                told.revisions[repository.id, pull.number] = said
                if said.newest is not None and pull.open:
                    told.proposals[repository.id, pull.number] = self._proposed(told, repository, meta, said, owner)
                told.placed[repository.id, pull.number] = owner, pull.head_branch
                rewritten = self._forge.world.rewrites and (was_forced(pull) or was_retargeted(pull))
                if rewritten or was_forced_at_once(pull):
                    told.forced_at_once.add(repository.id)
                if place is not None:
                    told.places[repository.id, pull.number] = {**place, **self._actor(told, repository, pull)}

    def _pull(self, repository: Repository, pull: Pull) -> Facts:
        return {
            "title": pull.title, "description": pull.body, "user": pull.poster.login, "draft": pull.draft,
            "state": "merged" if pull.merged else "open" if pull.open else "closed",
            "opened_at": pull.created, "merged_at": pull.merged_at, "closed_at": pull.closed_at,
            "merge_commit_sha": pull.merge_commit,
            "head_branch": "" if pull.agit else pull.head_branch, "base_branch": pull.base_branch,
            "head_repository_id": pull.head_repository.id if pull.head_repository else None,
            "from_fork": pull.head_repository is not repository, "gone": False,
            "head_sha": self._seen(repository).refs.get(pull.ref),
            "labels": tuple(sorted(label.name for label in pull.labels)),
        }  # fmt: skip

    def _proposed(
        self, told: Expected, repository: Repository, meta: Repository, said: Said, owner: str | None
    ) -> dict[str, Facts]:
        assert said.newest is not None
        git, head, tree, changed = said.newest
        found: dict[str, Facts] = {}
        for path in sorted(changed) if repository is meta else ():
            match, blob = _ENTRY.fullmatch(path), tree.get(path)
            if match is None:
                continue
            row = told.entries.get(match[1])
            if blob is None:
                if row is not None:
                    found[match[1]] = {"change": "removed", "part": "entry", "body": row["entry_body"]}
                continue
            if row is not None and self._seen(meta).versions(path)[-1].blob == blob:
                continue
            entry = None if is_link(git, head, path) else read_entry(git.blob(blob), match[1])
            change = "added" if row is None else "changed"
            facts: Facts = {"change": change, "part": "entry", "valid": entry is not None}
            if entry is not None:
                facts |= {"title": entry[0]["title"], "body": entry[1], "fields": {**_NOT_GIVEN, **entry[0]}}
            found[match[1]] = facts
        entry_row = told.entries.get(owner or "")
        if entry_row is not None and "RFC.md" in changed and entry_row["fields"]["state"] == "active":
            blob = tree.get("RFC.md")
            text = None if blob is None else _text(git.blob(blob))
            found.setdefault(owner or "", {"part": "document", "body": text, "valid": blob is None or text is not None})
        return found

    def _actor(self, told: Expected, repository: Repository, pull: Pull) -> Facts:
        if pull.poster.login != self.bot:
            return {"actor": pull.poster.login, "actor_source": "opener"}
        for value in told.actions.values():
            named = self._find(value["repo"])
            if named is not None and (named.id, value.get("pr_number")) == (repository.id, pull.number):
                return {"actor": value["on_behalf_of"], "actor_source": "audit"}
        trailer = _TRAILER.fullmatch(pull.body.split("\n\n")[-1])
        if trailer is not None:
            return {"actor": trailer[1] or trailer[2], "actor_source": "trailer"}
        return {"actor": self.bot, "actor_source": "bot"}


def _repository(repository: Repository) -> Facts:
    return {
        "full_name": repository.full_name, "default_branch": repository.default_branch, "archived": repository.archived,
        "private": repository.private, "fork": repository.parent is not None,
    }  # fmt: skip


def _place(pull: Pull, at_meta: bool, owner: str | None) -> Facts | None:
    if pull.head_repository is not pull.repository:
        return None
    if at_meta and not pull.agit:
        for kind, pattern in _HEADS:
            match = pattern.fullmatch(pull.head_branch)
            if match is not None:
                return {"kind": kind, "key": match[1]}
    return {"kind": "rfc_branch", "key": owner} if owner is not None else None


def _text(content: bytes) -> str | None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def read_entry(content: bytes, slug: str) -> tuple[Facts, str] | None:
    """An entry's fields and body; None where something is wrong with it. Knows flat fields and lists in brackets."""
    text = _text(content)
    if text is None or not text.startswith("---\n") or "\n---\n" not in text:
        return None
    head, _, body = text.removeprefix("---\n").partition("\n---\n")
    values: Facts = {}
    for line in head.split("\n"):
        name, colon, value = line.partition(": ")
        if not colon or name in values or value.count("[") != value.count("]"):
            return None
        values[name] = value[1:-1].split(", ") if value.startswith("[") else value
    bad = not values.get("title") or values.get("state") not in STATES or values.get("slug", slug) != slug
    return None if bad else (values, body)
