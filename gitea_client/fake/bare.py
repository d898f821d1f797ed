"""A bare repository on disk, read and written with the git program.

Refs are read from the files (a process for each would make tests slow); everything else is git's own work.
Nothing here knows of users, pull requests or HTTP.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import Hashable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path

from .objects import Commit, GitError, TreeItem, parse_commit

CONFIG = """[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
[gc]
\tauto = 0
[receive]
\tautogc = false
\thideRefs = refs/pull
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
"""

ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LITERAL_PATHSPECS": "1",  # paths come from requests
    "LC_ALL": "C",
    "HOME": os.devnull,
}


Ended = subprocess.CompletedProcess[bytes]
"""How git ended, and what it said."""

_ABOUT_IDS = frozenset({"rev-list", "merge-base", "diff", "log"})
_LASTING = re.compile(r"--?[a-z-]+(=\S+)?|\^?[0-9a-f]{40}(\.\.[0-9a-f]{40})?")
"""What such a command may be given so that its answer never changes: options, ids, ranges of ids."""
KEPT = 2_000
"""Answers that are kept: a process costs more than all else that a test does in the meantime."""


class BareRepository:
    """The directory `path`, which need not exist yet. Git runs on `executor`'s threads."""

    def __init__(self, path: Path, executor: Executor) -> None:
        self.path = path
        self._executor = executor
        self.collected = 0
        """How often objects may have been taken away."""
        self._commits: dict[str, Commit] = {}
        self._answers: dict[Hashable, Ended] = {}

    # Making and removing

    def create(self, default_branch: str) -> None:
        """Lay out an empty repository: what `git init --bare` does, without a process."""
        for part in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
            (self.path / part).mkdir(parents=True)
        (self.path / "config").write_text(CONFIG)
        self.set_head(default_branch)

    def copy_from(self, other: BareRepository) -> None:
        """Become a copy of `other` without its pull request refs, as a fork is."""
        shutil.copytree(other.path, self.path, copy_function=os.link, ignore=shutil.ignore_patterns("*.lock"))
        for name in ("config", "HEAD", "packed-refs"):  # files that change in place must not be shared
            if (self.path / name).exists():
                (self.path / name).unlink()
                shutil.copyfile(other.path / name, self.path / name)
        shutil.rmtree(self.path / "refs" / "pull", ignore_errors=True)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def damage(self) -> None:
        """Break the directory: git then no longer takes it for a repository."""
        (self.path / "HEAD").rename(self.path / "HEAD.lost")

    @property
    def damaged(self) -> bool:
        return not (self.path / "HEAD").exists()

    def set_head(self, branch: str) -> None:
        (self.path / "HEAD").write_text(f"ref: refs/heads/{branch}\n")

    # Refs

    def refs(self) -> dict[str, str]:
        """Every ref and its id, sorted by name."""
        found: dict[str, str] = {}
        packed = self.path / "packed-refs"
        if packed.exists():
            for line in packed.read_text().splitlines():
                if line and line[0] not in "#^":
                    sha, _, name = line.partition(" ")
                    found[name] = sha
        top = self.path / "refs"
        for folder, _, files in os.walk(top):
            for name in files:
                if not name.endswith(".lock"):
                    file = Path(folder, name)
                    found[file.relative_to(self.path).as_posix()] = file.read_text().strip()
        return dict(sorted(found.items()))

    def ref(self, name: str) -> str | None:
        """The id at the full ref `name`, or None."""
        file = self.path / name
        if file.is_file():
            return file.read_text().strip()
        return self.refs().get(name) if (self.path / "packed-refs").exists() else None

    def branches(self) -> dict[str, str]:
        return {name[11:]: sha for name, sha in self.refs().items() if name.startswith("refs/heads/")}

    async def update_refs(self, changes: Mapping[str, str | None]) -> None:
        """Set (or with None delete) refs, all or none."""
        lines = [f"update {ref}\0{sha}\0\0" if sha else f"delete {ref}\0\0" for ref, sha in changes.items()]
        if lines:
            await self.run("update-ref", "-z", "--stdin", stdin="".join(lines).encode())

    def plant(self, ref: str, sha: str) -> None:
        """Write a ref's file without git: the id may be missing or garbage."""
        file = self.path / ref
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(sha + "\n")

    # Running git

    async def run(self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> bytes:
        """Standard output of git; raises GitError when it fails."""
        done = await self.process(arguments, stdin, environment)
        if done.returncode:
            raise GitError(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout

    async def process(
        self, arguments: Sequence[str], stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> Ended:
        """Run git in this repository and tell how it ended, whatever that was."""
        return await self._ended(arguments, stdin, environment or {}, () if _lasting(arguments) else None)

    async def of_refs(self, arguments: Sequence[str], stdin: bytes, environment: Mapping[str, str]) -> Ended:
        """As `process`, for what follows from the refs: asked of git once for as long as they are the same."""
        try:
            head, config = ((self.path / name).read_bytes() for name in ("HEAD", "config"))
            of = (head, config, *self.refs().items())
        except FileNotFoundError:  # damaged, or a ref is being moved
            of = None
        return await self._ended(arguments, stdin, environment, of)

    async def of_itself(self, arguments: Sequence[str], stdin: bytes, environment: Mapping[str, str]) -> Ended:
        """As `process`, for what follows from the configuration."""
        config = None if self.damaged else (self.path / "config").read_bytes()
        return await self._ended(arguments, stdin, environment, config)

    async def _ended(
        self, arguments: Sequence[str], stdin: bytes, environment: Mapping[str, str], of: Hashable | None
    ) -> Ended:
        """How git ended. `of` is what the answer follows from beside what is asked, None where that may be anything."""
        env = {**ENVIRONMENT, **environment}

        def work() -> Ended:
            return subprocess.run(  # noqa: S603 - a list of arguments, no shell
                ["git", *arguments],  # noqa: S607 - the git of the PATH is the one wanted
                cwd=self.path, input=stdin, env={**env, "GIT_DIR": str(self.path)}, capture_output=True, check=False,
            )

        asked = tuple(arguments), stdin, tuple(environment.items()), of
        if of is not None and asked in self._answers:
            return self._answers[asked]
        done = await asyncio.get_running_loop().run_in_executor(self._executor, work)
        if not done.stderr and of is not None:
            if len(self._answers) >= KEPT:
                self._answers.clear()
            self._answers[asked] = done
        return done

    async def lines(self, *arguments: str) -> list[str]:
        return (await self.run(*arguments)).decode(errors="surrogateescape").splitlines()

    # Reading objects

    async def objects(self, ids: Sequence[str]) -> dict[str, tuple[str, bytes]]:
        """Kind and content of each id (or any name git resolves) that is there."""
        if not ids:
            return {}
        out = await self.run("cat-file", "--batch", stdin="".join(f"{i}\n" for i in ids).encode())
        found: dict[str, tuple[str, bytes]] = {}
        at = 0
        for name in ids:
            end = out.index(b"\n", at)
            head = out[at:end].split(b" ")
            at = end + 1
            if head[-1] in (b"missing", b"ambiguous"):
                continue
            size = int(head[2])
            found[name] = (head[1].decode(), out[at : at + size])
            at += size + 1
        return found

    async def has(self, sha: str) -> bool:
        return not (await self.process(["cat-file", "-e", sha])).returncode

    async def commits(self, ids: Iterable[str]) -> dict[str, Commit]:
        """The commits among `ids` that are there, in the order asked."""
        wanted = list(ids)
        unknown = [sha for sha in wanted if sha not in self._commits]
        for sha, (kind, content) in (await self.objects(unknown)).items():
            if kind == "commit":
                self._commits[sha] = parse_commit(sha, content)
        return {sha: self._commits[sha] for sha in wanted if sha in self._commits}

    def forget(self) -> None:
        """Drop what is remembered of objects: after a gc they may be gone."""
        self.collected += 1
        self._commits.clear()
        self._answers.clear()

    async def commit(self, sha: str) -> Commit | None:
        return (await self.commits([sha])).get(sha)

    async def resolve(self, name: str) -> str | None:
        """The commit id that a branch, tag, full ref or id names, in the order in which Gitea tries them."""
        for ref in (f"refs/heads/{name}", f"refs/tags/{name}", name if name.startswith("refs/") else ""):
            if ref and (sha := self.ref(ref)):
                return sha
        if 4 <= len(name) <= 40 and all(c in "0123456789abcdef" for c in name):
            done = await self.process(["rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"])
            return done.stdout.decode().strip() or None
        return None

    async def tree(self, treeish: str, *, recursive: bool = False, path: str = "") -> list[TreeItem]:
        """What a tree holds, folders included."""
        flags = ["-r", "-t"] if recursive else []
        out = await self.run("ls-tree", "-z", "-l", *flags, f"{treeish}:{path}" if path else treeish)
        items = []
        for line in out.decode(errors="surrogateescape").split("\0"):
            if line:
                meta, _, name = line.partition("\t")
                mode, kind, sha, size = meta.split()
                items.append(TreeItem(mode, kind, sha, 0 if size == "-" else int(size), name))
        return items

    async def is_ancestor(self, ancestor: str, of: str) -> bool:
        return not (await self.process(["merge-base", "--is-ancestor", ancestor, of])).returncode

    async def merge_base(self, one: str, other: str) -> str:
        """The best common ancestor, or ""."""
        return (await self.process(["merge-base", one, other])).stdout.decode().split("\n")[0]

    async def rev_list(self, *arguments: str) -> list[str]:
        return await self.lines("rev-list", *arguments)

    async def between(self, old: str, new: str) -> list[str]:
        """The commits that `new` has and `old` has not, newest first. Of one on top of the other git is not asked."""
        top = await self.commit(new)
        return [new] if top is not None and list(top.parents) == [old] else await self.rev_list(f"{old}..{new}")

    async def changes(self, ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
        """(status letter, path) of what each commit changed against its first parent; renames not looked for."""
        if not ids:
            return {}
        out = await self.run(
            "log", "--no-walk=unsorted", "--diff-merges=first-parent", "--root", "--name-status", "--no-renames", "-z",
            "--format=%x01%H", "--stdin", stdin="".join(f"{i}\n" for i in ids).encode(),
        )  # fmt: skip
        found: dict[str, list[tuple[str, str]]] = {}
        for part in out.decode(errors="surrogateescape").split("\x01")[1:]:
            sha, *rest = [word.lstrip("\n") for word in part.split("\0") if word.strip("\n")]
            found[sha] = list(zip(rest[::2], rest[1::2], strict=False))
        return found

    async def numstat(self, *range_: str) -> list[tuple[int, int, str]]:
        """Added lines, deleted lines and path of each file that differs between two commits."""
        out = await self.run("diff", "--numstat", "--no-renames", "-z", *range_)
        rows = []
        for line in out.decode(errors="surrogateescape").split("\0"):
            if line:
                added, deleted, path = line.split("\t", 2)
                rows.append((int(added) if added != "-" else 0, int(deleted) if deleted != "-" else 0, path))
        return rows

    async def gc(self) -> None:
        """Throw away, at once, every object that no ref reaches."""
        await self.run("repack", "-q", "-a", "-d")
        await self.run("prune", "--expire=now")
        self.forget()


def _lasting(arguments: Sequence[str]) -> bool:
    """Whether what git answers follows from ids alone, which holds until a gc takes objects away."""
    return arguments[0] in _ABOUT_IDS and all(map(_LASTING.fullmatch, arguments[1:]))
