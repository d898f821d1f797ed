"""Making commits without a work tree: `git fast-import` for new ones, `git merge-tree` for merging.

Each function makes objects and tells their ids; which ref gets them is the caller's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .bare import BareRepository
from .objects import Commit, GitError, Person, StandInError


@dataclass(frozen=True)
class Symlink:
    """A symbolic link (mode 120000) that points at `target`."""

    target: str


@dataclass(frozen=True)
class Submodule:
    """A submodule (mode 160000) at `commit`."""

    commit: str


@dataclass(frozen=True)
class Executable:
    """A file with the execute bit (mode 100755)."""

    content: bytes


Content = bytes | str | Symlink | Submodule | Executable | None
"""What a path becomes: text or bytes a file, None deletes."""


class Conflict(StandInError):
    """Two sides changed the same lines: the merge needs a person."""


async def write_commit(
    repository: BareRepository, ref: str, files: Mapping[str, Content], *,
    message: str, author: Person, committer: Person, parents: Sequence[str],
) -> str:  # fmt: skip
    """Commit `files` on top of the first of `parents`, point `ref` at the new commit, and tell its id."""
    body = message.encode(errors="surrogateescape")
    stream = [
        f"reset {ref}\ncommit {ref}\nmark :1\nauthor {author.line()}\ncommitter {committer.line()}\n".encode(),
        b"data %d\n%s\n" % (len(body), body),
    ]
    stream += [f"{'merge' if n else 'from'} {sha}\n".encode() for n, sha in enumerate(parents)]
    stream += [_file(path, content) + b"\n" for path, content in files.items()]
    stream.append(b"get-mark :1\ndone\n")
    out = await repository.run("fast-import", "--quiet", "--done", "--force", stdin=b"".join(stream))
    return out.decode().strip()


def _file(path: str, content: Content) -> bytes:
    name = _quoted(path)
    if content is None:
        return b"D " + name
    if isinstance(content, Submodule):
        return f"M 160000 {content.commit} ".encode() + name
    mode, data = b"100644", content
    if isinstance(content, Symlink):
        mode, data = b"120000", content.target.encode(errors="surrogateescape")
    elif isinstance(content, Executable):
        mode, data = b"100755", content.content
    if isinstance(data, str):
        data = data.encode(errors="surrogateescape")
    if not isinstance(data, bytes):
        raise TypeError(f"{path}: a file's content is bytes, text, a marker or None, not {type(data).__name__}")
    return b"M %s inline %s\ndata %d\n%s" % (mode, name, len(data), data)


def _quoted(path: str) -> bytes:
    """A path in C quotes, so that it may hold anything."""
    raw = path.encode(errors="surrogateescape")
    return b'"' + b"".join(bytes([c]) if 32 <= c < 127 and c not in b'"\\' else b"\\%03o" % c for c in raw) + b'"'


async def commit_tree(
    repository: BareRepository, tree: str, parents: Sequence[str], message: str, author: Person, committer: Person
) -> str:
    """A commit object around a tree that is there."""
    environment = {
        "GIT_AUTHOR_NAME": author.name, "GIT_AUTHOR_EMAIL": author.email,
        "GIT_AUTHOR_DATE": f"{author.date} {author.zone}",
        "GIT_COMMITTER_NAME": committer.name, "GIT_COMMITTER_EMAIL": committer.email,
        "GIT_COMMITTER_DATE": f"{committer.date} {committer.zone}",
    }  # fmt: skip
    arguments = [word for parent in parents for word in ("-p", parent)]
    out = await repository.run("commit-tree", tree, *arguments, stdin=message.encode(), environment=environment)
    return out.decode().strip()


async def merge_trees(repository: BareRepository, ours: str, theirs: str) -> str:
    """The tree of a merge of two commits; raises Conflict."""
    done = await repository.process(["merge-tree", "--write-tree", "--allow-unrelated-histories", ours, theirs])
    if done.returncode == 1:
        raise Conflict(f"merging {theirs} into {ours}")
    if done.returncode:
        raise GitError(done.stderr.decode(errors="replace"))
    return done.stdout.decode().split("\n")[0]


async def rebase(repository: BareRepository, commits: Sequence[Commit], onto: str, committer: Person) -> str:
    """Replay `commits`, oldest first, upon `onto`; tells the new tip.

    A commit is replayed by merging it with a commit that has the new base's tree and the old parent: their merge
    base is then that parent, which makes the merge a cherry-pick.
    """
    tip = onto
    for commit in commits:
        base = await repository.commit(tip)
        if base is None:
            raise GitError(f"{tip} is not a commit")
        stand_in = await commit_tree(repository, base.tree, commit.parents[:1], "x", committer, committer)
        tree = await merge_trees(repository, stand_in, commit.id)
        tip = await commit_tree(repository, tree, [tip], commit.message, commit.author, committer)
    return tip
