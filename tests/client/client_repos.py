"""Real repositories of any shape, made by one `git fast-import`."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from hypothesis import strategies as st
from msgspec import Struct

ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_TERMINAL_PROMPT": "0",
}

Tree = Mapping[bytes, tuple[str, bytes]]
"""A whole tree: path to mode and content (for a submodule, the commit id)."""


class Node(Struct, frozen=True):
    """A commit to make: its parents by their index, its whole tree, its date in seconds."""

    parents: tuple[int, ...]
    tree: Tree
    date: int = 1_700_000_000
    message: bytes = b"a change"


def git(path: Path, *arguments: str | bytes, stdin: bytes = b"") -> bytes:
    """Run git in the bare repository `path`, and give back what it said."""
    command = ["git", "--git-dir", str(path), *arguments]
    return subprocess.run(command, input=stdin, env=ENV, check=True, capture_output=True).stdout


def make(path: Path, *, object_format: str = "sha1") -> Path:
    """An empty bare repository that serves any object by id."""
    for name, content in _empty(object_format).items():
        place = path / name
        (place if content is None else place.parent).mkdir(parents=True, exist_ok=True)
        if content is not None:
            place.write_bytes(content)
    return path


@cache
def _empty(object_format: str) -> Mapping[Path, bytes | None]:
    """What Git makes of an empty repository, folders as None. Hundreds are wanted, and each took three programs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty"
        options = ["-q", "--bare", "--template=", "-b", "main", f"--object-format={object_format}"]
        subprocess.run(["git", "init", *options, str(path)], env=ENV, check=True, capture_output=True)
        for setting in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
            git(path, "config", setting, "true")
        return {one.relative_to(path): one.read_bytes() if one.is_file() else None for one in path.rglob("*")}


def grow(path: Path, nodes: Sequence[Node], refs: Mapping[str, int] = {}) -> list[str]:
    """Make commits as they are told, and refs to them by index; the ids of the commits."""
    stream = bytearray()
    for index, node in enumerate(nodes):
        # A ref of its own for each: on a common one, a second root would get the commit before it as its parent.
        stream += b"commit refs/made/%d\nmark :%d\n" % (index, index + 1)
        stream += b"author Ada <ada@example.org> %d +0000\n" % node.date
        stream += b"committer Ada <ada@example.org> %d +0000\n" % node.date
        stream += b"data %d\n%s\n" % (len(node.message), node.message)
        if node.parents:
            stream += b"from :%d\n" % (node.parents[0] + 1)
            stream += b"".join(b"merge :%d\n" % (parent + 1) for parent in node.parents[1:])
        stream += b"deleteall\n"
        for name, (mode, content) in node.tree.items():
            if mode == "160000":
                stream += b"M 160000 %s %s\n" % (content, _quoted(name))
            else:
                stream += b"M %s inline %s\ndata %d\n%s\n" % (mode.encode(), _quoted(name), len(content), content)
    marks = path / "marks"
    git(path, "fast-import", "--quiet", "--force", f"--export-marks={marks}", stdin=bytes(stream))
    ids = dict(line.split() for line in marks.read_text().splitlines())
    made = [ids[f":{index + 1}"] for index in range(len(nodes))]
    commands = "".join(f"delete refs/made/{index}\n" for index in range(len(nodes)))
    commands += "".join(f"update {ref} {made[index]}\n" for ref, index in refs.items())
    git(path, "update-ref", "--stdin", stdin=commands.encode())
    return made


def _quoted(name: bytes) -> bytes:
    return b'"' + b"".join(b"\\%03o" % c if c < 33 or c > 126 or c in b'"\\' else bytes([c]) for c in name) + b'"'


def files(**contents: str) -> Tree:
    """A tree of ordinary files at the top."""
    return {name.encode(): ("100644", content.encode()) for name, content in contents.items()}


def _plant(path: Path, kind: str, content: bytes) -> str:
    """Write a loose object as Git would; its id (SHA-1). By `git hash-object` each would cost a program."""
    whole = b"%s %d\0%s" % (kind.encode(), len(content), content)
    name = hashlib.sha1(whole).hexdigest()
    place = path / "objects" / name[:2] / name[2:]
    if not place.exists():  # Git's own are read-only
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(zlib.compress(whole, 1))
    return name


def plant_tree(path: Path, entries: Sequence[tuple[str, bytes, str]]) -> str:
    """Write a tree object as it is told, in order, however odd (mode, name, id); its id. Nothing checks it."""
    raw = b"".join(mode.encode() + b" " + name + b"\0" + bytes.fromhex(item) for mode, name, item in entries)
    return _plant(path, "tree", raw)


def plant_blob(path: Path, content: bytes) -> str:
    """Write a blob; its id."""
    return _plant(path, "blob", content)


def plant_commit(path: Path, tree: str, *parents: str, ref: str | None = None) -> str:
    """Write a commit of a tree, and a ref to it where one is named; its id."""
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"{who} Ada <ada@example.org> 1700000000 +0000" for who in ("author", "committer")]
    raw = "\n".join([*lines, "", "a change\n"]).encode()
    made = _plant(path, "commit", raw)
    if ref is not None:
        git(path, "update-ref", ref, made)
    return made


def plant_bomb(path: Path, depth: int = 12, width: int = 10) -> str:
    """A tree of `width ** depth` paths in `depth` objects: each holds the one below under several names."""
    tree = plant_tree(path, [("100644", b"%d.md" % n, plant_blob(path, b"x")) for n in range(width)])
    for _ in range(depth - 1):
        tree = plant_tree(path, [("40000", b"%d" % n, tree) for n in range(width)])
    return tree


# `d` is a file at times and a directory at others: a path then also means all that is below it.
PATHS = [b"a", b"b", b"d", b"d/x", b"d/y", b"\xff odd\n\t\"name"]
MODES = ["100644", "100755", "120000"]


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    chosen = draw(st.sets(st.sampled_from(PATHS)))
    if b"d" in chosen:
        chosen -= {b"d/x", b"d/y"}
    return {p: (draw(st.sampled_from(MODES)), draw(st.sampled_from([b"0", b"1", b"2"]))) for p in sorted(chosen)}


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    """Any graph: side branches, merges that take one side or add their own, octopuses, second roots, skewed dates."""
    nodes: list[Node] = []
    for index in range(draw(st.integers(1, 12))):
        parents: tuple[int, ...] = ()
        if index and draw(st.integers(0, 19)):
            among = st.lists(st.integers(0, index - 1), min_size=1, max_size=3, unique=True)
            parents = tuple(draw(among)) if draw(st.booleans()) else (index - 1,)
        kept = st.sampled_from([nodes[p].tree for p in parents]) if parents else trees()
        tree: Tree = draw(kept | trees())
        nodes.append(Node(parents, tree, date=1_700_000_000 + draw(st.integers(-5, 5)) * 10 + index))
    return nodes


def stale_branches(pages: int, branches: int) -> bytes:
    """For `git fast-import`: pages that one commit touches, and branches begun before it and merged after it.

    Of each branch's own one file all others differ as well from what it is merged into: told in full, they are
    pages × branches lines, of less than a megabyte of packed objects (4,000 and 1,200: 700 MB of text).
    """
    stream = bytearray()

    def commit(ref: str, mark: int, parents: Sequence[int], contents: Mapping[str, str]) -> int:
        lines = [f"commit refs/heads/{ref}", f"mark :{mark}", f"committer A <a@b.c> {1_700_000_000 + mark} +0000"]
        lines += ["data 1", "x", *(f"{word} :{p}" for word, p in zip(("from", "merge"), parents, strict=False))]
        for name, text in contents.items():
            lines += [f"M 100644 inline {name}", f"data {len(text)}", text]
        stream.extend("\n".join([*lines, ""]).encode())
        return mark

    names = [f"pages/page-{number:04}.md" for number in range(pages)]
    begun = commit("main", 1, [], dict.fromkeys(names, "one"))
    tip = mark = commit("main", 2, [begun], dict.fromkeys(names, "two"))
    for number in range(branches):
        own = {f"pages/side-{number:04}.md": "side"}
        side = commit(f"side-{number}", mark + 1, [begun], own)
        tip = mark = commit("main", mark + 2, [tip, side], own)
    return bytes(stream)
