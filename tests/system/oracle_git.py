"""What plain git says of a bare repository. Written apart from the client: another way to the same facts."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

_ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


@dataclass(frozen=True)
class Commit:
    """A commit, as `git log` shows it."""

    sha: str
    at: datetime
    author: str
    subject: str


@dataclass(frozen=True)
class Change:
    """What became of a path with the `position`th first-parent commit, and the commit that truly made it."""

    position: int
    landed: str
    commit: str
    blob: str | None
    mode: str
    adder: str = ""
    """The commit that added it, where it was not there at the first parent."""


@dataclass
class Git:
    """One bare directory. What an id stands for never changes, so that is asked once; refs are asked once a moment."""

    path: Path
    _refs: dict[str, str] | None = None
    _lasting: dict[tuple[str, ...], bytes] = field(default_factory=dict)
    _collected: int = 0
    _texts: dict[str, bytes] = field(default_factory=dict)
    _commits: dict[str, Commit] = field(default_factory=dict)
    _listed: bool = False
    _makers: dict[tuple[str, str], str] = field(default_factory=dict)

    def run(self, *arguments: str) -> bytes:
        """A git command's output; raises where it fails."""
        command = ["git", "-c", "core.quotePath=false", f"--git-dir={self.path}", *arguments]
        return subprocess.run(command, env=_ENVIRONMENT, check=True, capture_output=True).stdout

    def lasting(self, *arguments: str) -> bytes:
        """The output of a command about ids, which stays the same for as long as the objects are there."""
        if arguments not in self._lasting:
            self._lasting[arguments] = self.run(*arguments)
        return self._lasting[arguments]

    def look_again(self, collected: int) -> None:
        """Another moment: refs may be others now, and after another gc objects may be gone."""
        self._refs, self._listed = None, False
        if collected != self._collected:
            self._lasting.clear()
            self._collected = collected

    def refs(self) -> dict[str, str]:
        """Every ref."""
        if self._refs is None:
            lines = self.run("for-each-ref", "--format=%(objectname) %(refname)").decode().splitlines()
            self._refs = {name: sha for sha, _, name in (line.partition(" ") for line in lines)}
        return self._refs

    def blob(self, sha: str) -> bytes:
        """A file's bytes."""
        if sha not in self._texts:
            self._texts[sha] = self.run("cat-file", "blob", sha)
        return self._texts[sha]

    def commit(self, sha: str) -> Commit:
        """A commit."""
        if sha not in self._commits and not self._listed:
            self._listed = True
            self._read_commits("--all")
        if sha not in self._commits:
            self._read_commits("--no-walk", sha)
        return self._commits[sha]

    def _read_commits(self, *which: str) -> None:
        for line in self.run("log", "--format=%H%x00%ct%x00%an%x00%s", *which).decode().split("\n")[:-1]:
            name, stamp, author, subject = line.split("\0")
            self._commits[name] = Commit(name, datetime.fromtimestamp(int(stamp), UTC), author, subject)

    def changes(self, head: str) -> dict[str, list[Change]]:
        """Every path that the first-parent history of `head` ever touched, oldest change first."""
        out = self.lasting(
            "log",
            "--first-parent",
            "-m",
            "--reverse",
            "--raw",
            "--no-renames",
            "--no-abbrev",
            "--format=commit %H %P",
            head,
        ).decode("utf-8", "backslashreplace")
        changes: dict[str, list[Change]] = {}
        position, landed, parents = -1, "", list[str]()
        for line in out.splitlines():
            if line.startswith("commit "):
                position, (landed, *parents) = position + 1, line.split(" ")[1:]
            elif line.startswith(":"):
                facts, _, path = line.partition("\t")
                _, mode, _, blob, what = facts.split(" ")
                gone = what == "D"
                merged = len(parents) > 1  # any other commit made itself what it brought
                maker = self._maker(landed, path) if merged else landed
                adder = self._adder(landed, parents[0], path) or maker if merged and what == "A" else maker
                made = Change(position, landed, maker, None if gone else blob, mode, adder)
                changes.setdefault(path, []).append(made)
        return changes

    def _maker(self, landed: str, path: str) -> str:
        if (landed, path) not in self._makers:
            self._makers[landed, path] = self.run("log", "-1", "--format=%H", landed, "--", path).decode().strip()
        return self._makers[landed, path]

    def _adder(self, landed: str, first: str, path: str) -> str:
        """The commit among those that this one brought that added a path."""
        if (landed, f"+{path}") not in self._makers:
            options = ("-1", "--no-merges", "--full-history", "--diff-filter=A", "--no-renames", "--format=%H")
            told = self.run("log", *options, f"{first}..{landed}", "--", path)
            self._makers[landed, f"+{path}"] = told.decode().strip()
        return self._makers[landed, f"+{path}"]


@dataclass
class Gits:
    """One for each directory, kept for as long as a test lasts."""

    _known: dict[Path, Git] = field(default_factory=dict)

    def at(self, path: Path) -> Git:
        """The repository in this directory."""
        return self._known.setdefault(path, Git(path))


@dataclass
class Seen:
    """A repository at one moment: its refs, and the history of its default branch."""

    git: Git
    default_branch: str

    @cached_property
    def refs(self) -> dict[str, str]:
        """Every ref."""
        return self.git.refs()

    @cached_property
    def branches(self) -> dict[str, str]:
        """Heads by their short names."""
        return {n.removeprefix("refs/heads/"): s for n, s in self.refs.items() if n.startswith("refs/heads/")}

    @property
    def head(self) -> str | None:
        """The commit of the default branch."""
        return self.branches.get(self.default_branch)

    @cached_property
    def changes(self) -> dict[str, list[Change]]:
        """The history of every path on the default branch."""
        return self.git.changes(self.head) if self.head else {}

    def versions(self, path: str) -> list[Change]:
        """The changes of a path since it last came into being; none where it is not there."""
        run: list[Change] = []
        for change in self.changes.get(path, []):
            run = [*run, change] if change.blob else []
        return run
