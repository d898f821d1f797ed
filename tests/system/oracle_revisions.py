"""What revisions must say, told from the forge alone, for the profile `rfc`.

Of a pull request to which every push was ordinary and is told, everything follows from its own commits, whatever became
of the base: of such a one the oracle is sure. Of others (forced, pushed while closed, with heads that gc took) what was
published first stands, and the oracle only knows what may be.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass, field
from typing import Any

from oracle_git import Git, Gits

from gitea_client.fake.state import Pull, Repository

Facts = dict[str, Any]
_ENTRY = re.compile(r"rfcs/([^/]+)\.md")
_NAMED = re.compile(r"(?:propose|claim|metadata)/([^/]+)|edit/([^/]+)/.+")


@dataclass
class Said:
    """What the oracle knows of the revisions of one pull request."""

    sure: bool
    rows: dict[str, Facts] = field(default_factory=dict)
    """By slug, where it is sure."""
    newest: tuple[Git, str, dict[str, str], set[str]] | None = None
    """The repository, its newest head, the files there, and those that differ from the fork point, where sure."""


class Revisions:
    """Tells the revisions of pull requests."""

    def __init__(self, gits: Gits, *, rewrites: bool = False) -> None:
        self._gits = gits
        self._rewrites = rewrites
        """Whether the forge takes pushes out of timelines."""

    def of(self, repository: Repository, pull: Pull, *, at_meta: bool, owner: str | None) -> Said:
        """The revisions of one pull request, of entries in the meta repository or of the home of `owner`."""
        git = self._gits.at(repository.path)
        heads = _heads(pull)
        ref = git.refs().get(pull.ref)
        if not heads or heads[-1][0] != ref or any(forced for _, _, _, forced in heads):
            return Said(sure=False)
        if self._rewrites and was_retargeted(pull):
            return Said(sure=False)
        told = Said(sure=True)
        listed: set[str] = set()
        seen: list[tuple[str, Any, dict[str, str], set[str]]] = []
        for sha, at, commits, _ in heads:
            listed |= set(commits)
            fork = _fork(git, sha, listed)
            if fork is None:
                return Said(sure=False)
            changed = set(git.lasting("diff", "--name-only", "--no-renames", fork, sha).decode().splitlines())
            seen.append((sha, at, _tree(git, sha), changed))
        told.newest = git, seen[-1][0], seen[-1][2], seen[-1][3]
        for slug, path in self._entries(pull, seen, at_meta=at_meta, owner=owner):
            row = self._row(git, pull, seen, path, named=at_meta and _named(pull) == slug)
            if row is not None:
                told.rows.setdefault(slug, row)
        return told

    def _entries(
        self, pull: Pull, seen: list[tuple[str, Any, dict[str, str], set[str]]], *, at_meta: bool, owner: str | None
    ) -> list[tuple[str, str]]:
        found = []
        if at_meta:
            paths = {path for _, _, tree, changed in seen for path in (*tree, *changed)}
            found = [(match[1], path) for path in sorted(paths) if (match := _ENTRY.fullmatch(path))]
        return [*found, *([(owner, "RFC.md")] if owner is not None else [])]

    def _row(
        self, git: Git, pull: Pull, seen: list[tuple[str, Any, dict[str, str], set[str]]], path: str, *, named: bool
    ) -> Facts | None:
        frozen: Facts | None = None
        blob: str | None = None
        amendments = []
        for sha, at, tree, changed in seen:
            now = tree.get(path)
            if frozen is None:
                if path not in changed and not (named and now is not None):
                    continue
                frozen = {"frozen_at": at, "head_sha": sha, "path": path, **_content(git, sha, path, now)}
            elif now != blob:
                amendments.append(sha)
            blob = now
        if frozen is None:
            return None
        end = pull.merge_commit
        merged = _content(git, end, path, _tree(git, end).get(path)) if end else {}
        return {
            **frozen, "amended": amendments, "merged_at": pull.merged_at, "merged_content": merged.get("content"),
            "pr_state": "merged" if pull.merged else "open" if pull.open else "closed",
            "pr_branch": "" if pull.agit else pull.head_branch,
        }  # fmt: skip


def was_forced_at_once(pull: Pull) -> bool:
    """Whether the first push that a timeline tells is a forced one."""
    heads = _heads(pull)
    return bool(heads) and heads[0][3]


def was_retargeted(pull: Pull) -> bool:
    """Whether a pull request was given another base."""
    return any(event.type == "change_target_branch" for event in pull.timeline)


def was_forced(pull: Pull) -> bool:
    """Whether its head was ever forced."""
    return any(forced for _, _, _, forced in _heads(pull))


def _heads(pull: Pull) -> list[tuple[str, Any, list[str], bool]]:
    pushes = [event for event in pull.timeline if event.type == "pull_push"]
    heads = []
    for event in sorted(pushes, key=lambda each: (each.created, each.id)):
        body = json.loads(event.body)
        if body["commit_ids"]:
            heads.append((body["commit_ids"][-1], event.created, body["commit_ids"], body["is_force_push"]))
    return heads


def _fork(git: Git, head: str, listed: set[str]) -> str | None:
    """The one commit at which the listed commits leave what was there before them; None where there is not just one."""
    try:
        lines = git.lasting("rev-list", "--parents", head).decode().splitlines()
    except subprocess.CalledProcessError:
        return None  # gc took it
    parents = {sha: rest for sha, *rest in (line.split() for line in lines)}
    own, waiting = {head}, [head]
    while waiting:
        more = [each for each in parents[waiting.pop()] if each in listed and each not in own]
        own.update(more)
        waiting += more
    below = {parent for sha in own for parent in parents[sha]} - own
    return below.pop() if len(below) == 1 else None


def _tree(git: Git, commit: str) -> dict[str, str]:
    return {path: blob for path, (_, blob) in _items(git, commit).items()}


def is_link(git: Git, commit: str, path: str) -> bool:
    """Whether a path is a symbolic link."""
    return _items(git, commit).get(path, ("", ""))[0] == "120000"


def _items(git: Git, commit: str) -> dict[str, tuple[str, str]]:
    """Mode and object of every path."""
    lines = git.lasting("ls-tree", "-r", commit).decode("utf-8", "backslashreplace").splitlines()
    parts = (line.partition("\t") for line in lines)
    return {path: (meta.split(" ")[0], meta.split(" ")[2]) for meta, _, path in parts}


def _content(git: Git, commit: str, path: str, blob: str | None) -> Facts:
    if blob is None:
        return {"content": None, "content_state": "removed"}
    if is_link(git, commit, path):
        return {"content": None, "content_state": "not_a_file"}
    try:
        text = git.blob(blob).decode()
    except UnicodeDecodeError:
        return {"content": None, "content_state": "not_text"}
    if "\0" in text:
        return {"content": None, "content_state": "not_text"}
    return {"content": text, "content_state": "text"}


def _named(pull: Pull) -> str | None:
    if pull.agit or pull.head_repository is not pull.repository:
        return None
    match = _NAMED.fullmatch(pull.head_branch)
    return (match[1] or match[2]) if match else None
