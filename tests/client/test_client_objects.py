"""The object store: what it fetches, what that costs, what it never says, and that reading asks nobody."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from encodings import aliases
from pathlib import Path

import pytest
from client_repos import Node, Tree, files, git, grow, make
from client_servers import TOKEN, GitForge, git_forge
from hypothesis import given
from hypothesis import strategies as st

from gitea_client import errors
from gitea_client.counting import RequestCounter
from gitea_client.differing import differences
from gitea_client.objects import KEEP, LONGEST_COMMIT, ObjectStore
from gitea_client.parsing import commit

ALL = "blob:limit=1m"
BIG = b"x" * 3000


@pytest.fixture
async def forge(tmp_path: Path) -> AsyncIterator[GitForge]:
    async with git_forge(tmp_path / "forge") as forge:
        (tmp_path / "forge" / "acme").mkdir(parents=True)
        yield forge


@pytest.fixture
def origin(forge: GitForge) -> Path:
    return make(forge.root / "acme" / "meta")


@pytest.fixture
async def store(tmp_path: Path) -> ObjectStore:
    store = ObjectStore(tmp_path / "objects" / "1.git", counter=RequestCounter())
    await store.ensure()
    return store


async def fetch(store: ObjectStore, forge: GitForge, *ids: str, **options: object) -> None:
    options = {"token": TOKEN, "filter": ALL, **options}
    await store.fetch(f"{forge.url}/acme/meta.git", ids, **options)  # type: ignore[arg-type]


async def test_two_requests_bring_exact_ids_and_none_bring_what_is_held(
    forge: GitForge, origin: Path, store: ObjectStore
) -> None:
    """Guards the cost of a changed repository, and that our count is the server's own."""
    first, second, side = grow(
        origin, [Node((), files(a="1")), Node((0,), files(a="2")), Node((0,), files(a="3"))], {"refs/heads/main": 1}
    )
    await fetch(store, forge, second, side)
    assert [(method, status) for method, _, status in forge.requests] == [("GET", 200), ("POST", 200)]
    assert await store.missing([first, second, side]) == set()
    await fetch(store, forge, first, second, side)
    assert len(forge.requests) == 2
    assert store._counter.git == 2
    assert store._counter.by_route == {
        ("git", "/{owner}/{name}.git/info/refs", 200): 1, ("git", "/{owner}/{name}.git/git-upload-pack", 200): 1
    }  # fmt: skip


async def test_what_is_held_is_not_sent_again(forge: GitForge, origin: Path, store: ObjectStore) -> None:
    """Guards negotiation: a push on a long branch costs two requests and brings only what is new."""
    ids = grow(origin, [Node((), files(a="0")), *(Node((i,), files(a=str(i))) for i in range(40))])
    await fetch(store, forge, ids[38])
    before = {p.name for p in (store.path / "objects" / "pack").glob("*.pack")}
    await fetch(store, forge, ids[40], tips=[ids[38], "ab" * 20])
    assert len(forge.requests) == 4
    new = [p for p in (store.path / "objects" / "pack").glob("*.idx") if p.with_suffix(".pack").name not in before]
    loose = sum(1 for p in (store.path / "objects").glob("??/*"))
    packed = sum(len(git(store.path, "show-index", stdin=p.read_bytes()).splitlines()) for p in new)
    assert packed + loose == 6  # two commits, two trees, two blobs


async def test_each_id_gets_a_ref(forge: GitForge, origin: Path, store: ObjectStore) -> None:
    """Guards what was fetched against gc; also ids that were held already, and more than fit well as loose refs."""
    ids = grow(origin, [Node((), files(a="0")), *(Node((i,), files(a=str(i))) for i in range(120))])
    await fetch(store, forge, ids[5])
    await fetch(store, forge, *ids)
    refs = git(store.path, "for-each-ref", "--format=%(refname) %(objectname)").decode().splitlines()
    assert set(refs) == {f"{KEEP}{sha} {sha}" for sha in ids}
    assert (store.path / "packed-refs").is_file()


async def test_a_missing_object_is_named_and_nothing_is_fetched(
    forge: GitForge, origin: Path, store: ObjectStore
) -> None:
    """Guards the caller's way on: leave out the one that the forge does not give, fetch the others."""
    (tip,) = grow(origin, [Node((), files(a="1"))])
    with pytest.raises(errors.ObjectMissing) as caught:
        await fetch(store, forge, tip, "ab" * 20)
    assert caught.value.object_id == "ab" * 20
    assert await store.missing([tip]) == {tip}


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, errors.Unauthorized), (403, errors.Forbidden), (404, errors.Missing), (301, errors.Redirected),
     (307, errors.Redirected), (500, errors.ServerFault), (502, errors.ServerFault), (429, errors.Throttled)],
)  # fmt: skip
async def test_a_status_means_what_it_means_everywhere(
    forge: GitForge, store: ObjectStore, status: int, error: type[errors.ForgeError]
) -> None:
    """Guards against one failure having two meanings, by REST and by Git; a redirect is never followed."""
    forge.status = status
    elsewhere = f"{forge.url}/acme/other.git/info/refs?service=git-upload-pack"
    forge.headers = {"Location": elsewhere} if status < 400 else {}
    with pytest.raises(error):
        await fetch(store, forge, "ab" * 20)
    assert {path for _, path, _ in forge.requests} == {"/acme/meta.git/info/refs"}
    assert store._counter.git == len(forge.requests)


async def test_a_wrong_token_is_unauthorized(forge: GitForge, origin: Path, store: ObjectStore) -> None:
    """Guards against git asking a terminal for a password."""
    with pytest.raises(errors.Unauthorized):
        await fetch(store, forge, "ab" * 20, token=None)


async def test_no_answer_is_unreachable(forge: GitForge, store: ObjectStore) -> None:
    """Guards the difference between no forge and no repository."""
    with pytest.raises(errors.Unreachable):
        await store.fetch("http://127.0.0.1:9/acme/meta.git", ["ab" * 20], token=TOKEN, filter=ALL)
    assert store._counter.git == 0  # the connection was refused, so no request was made


@pytest.mark.parametrize("keep", [0, 4, 100, 300])
async def test_a_cut_pack_leaves_nothing_behind(
    forge: GitForge, origin: Path, store: ObjectStore, keep: int
) -> None:
    """Guards the store: half a pack is an error that passes, never half a history."""
    (tip,) = grow(origin, [Node((), {b"big": ("100644", os.urandom(5000))})])
    forge.keep_bytes = keep
    with pytest.raises(errors.ForgeError) as caught:
        await fetch(store, forge, tip)
    assert caught.value.retry
    assert await store.missing([tip]) == {tip}
    forge.keep_bytes = None
    await fetch(store, forge, tip)
    assert await store.missing([tip]) == set()


async def test_a_filter_keeps_large_files_away_and_reading_does_not_fetch_them(
    forge: GitForge, origin: Path, store: ObjectStore
) -> None:
    """Guards against downloads behind our back: a filtered blob reads as missing, and no request is made for it."""
    (tip,) = grow(origin, [Node((), {b"big": ("100644", BIG), b"small": ("100644", b"s")})])
    await fetch(store, forge, tip, filter="blob:limit=1k")
    asked = len(forge.requests)
    tree = await store.tree(tip)
    big, small = tree["big"].id, tree["small"].id
    blobs = await store.blobs([big, small])
    assert (blobs[big].content, blobs[small].content) == (None, b"s")
    assert await store.missing([big, small]) == {big}
    assert "url" not in (store.path / "config").read_text()
    assert len(forge.requests) == asked
    await fetch(store, forge, big)  # by id it comes all the same
    assert (await store.blobs([big]))[big].content == BIG
    assert (await store.blobs([big], max_bytes=len(BIG) - 1))[big].content is None


async def test_commits_alone_can_be_upgraded(forge: GitForge, origin: Path, store: ObjectStore) -> None:
    """Guards repositories that come within reach: `tree:0` first, everything by `refetch` later."""
    first, tip = grow(origin, [Node((), files(a="1")), Node((0,), files(a="2"))])
    await fetch(store, forge, tip, filter="tree:0")
    assert set(await store.commits([first, tip])) == {first, tip}
    with pytest.raises(errors.GitFailed):
        await store.tree(tip)
    await fetch(store, forge, tip, refetch=True)
    assert await store.tree(first) != await store.tree(tip)


async def test_sha256(forge: GitForge, tmp_path: Path) -> None:
    """Guards the other object format, end to end."""
    origin = make(forge.root / "acme" / "meta", object_format="sha256")
    first, tip = grow(origin, [Node((), files(a="1")), Node((0,), files(a="2"))])
    store = ObjectStore(tmp_path / "s", object_format="sha256")
    await store.ensure()
    await fetch(store, forge, tip)
    assert list((await differences(store, {(first, tip)}))[first, tip]) == ["a"]


async def test_the_graph(forge: GitForge, origin: Path, store: ObjectStore) -> None:
    """Guards fork points: bases, ancestry and walks, also where histories have nothing in common."""
    root, left, right, merge, other = grow(
        origin,
        [
            Node((), files(a="1")),
            Node((0,), files(a="2")),
            Node((0,), files(b="1")),
            Node((1, 2), files(a="2")),
            Node((), files(z="9")),
        ],
    )
    await fetch(store, forge, merge, other)
    assert await store.merge_base(left, right) == root
    assert await store.merge_base(left, other) is None
    assert await store.is_ancestor(right, merge)
    assert not await store.is_ancestor(merge, right)
    assert await store.ancestors(merge, without=[left]) == [merge, right]
    assert await store.ancestors(merge, first_parent=True) == [merge, left, root]
    assert await store.ancestors(merge, first_parent=True, limit=1) == [merge]
    with pytest.raises(errors.GitFailed):
        await store.merge_base(left, "ab" * 20)


async def test_trees_below_prefixes_and_paths_of_any_bytes(forge: GitForge, origin: Path, store: ObjectStore) -> None:
    """Guards paths as data: pathspec magic, leading dashes and bytes that are no text select what they spell."""
    names = [b"rfcs/a.md", b"rfcs-not/b.md", b"--all", b":(glob)**", b"\xff\n"]
    content: Tree = {name: ("100644", name) for name in names}
    (tip,) = grow(origin, [Node((), content)])
    await fetch(store, forge, tip)
    assert set(await store.tree(tip, ["rfcs/"])) == {"rfcs/a.md"}
    assert set(await store.tree(tip, ["--all", ":(glob)**"])) == {"--all", ":(glob)**"}
    assert {path.encode("utf-8", "surrogateescape") for path in await store.tree(tip)} == set(names)
    assert set(await store.tree(tip, [""])) == set(await store.tree(tip))
    assert set(await store.tree(tip, ["x" * 200_000, "rfcs"])) >= {"rfcs/a.md"}


async def test_a_commit_is_read_whatever_is_in_it(origin: Path, forge: GitForge, store: ObjectStore) -> None:
    """Guards against a commit that a program other than git wrote: odd names, no date, another encoding."""
    tree = git(origin, "hash-object", "-t", "tree", "-w", "--stdin").strip().decode()
    raw = (
        f"tree {tree}\nauthor J\u00f6rg <j@x> 1700000000 +0200\ncommitter nobody\nencoding latin-1\n"
        "gpgsig -----\n parent nonsense\n -----\n\nHe said \u00e9\n\nparent no\n"
    )
    made = git(origin, "hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=raw.encode("latin-1"))
    sha = made.decode().strip()
    await fetch(store, forge, sha)
    commit = (await store.commits([sha, tree]))[sha]
    assert (commit.author_name, commit.author_email) == ("J\u00f6rg", "j@x")
    assert commit.authored_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert commit.committed_at == datetime(1970, 1, 1, tzinfo=UTC)
    assert commit.message == "He said \u00e9\n\nparent no"
    assert commit.parents == ()


@pytest.mark.parametrize(
    ("encoding", "bytes_", "text"),
    [
        ("iso-8859-15", b"\xa4", "\u20ac"),
        ("windows-1252", b"\x80", "\u20ac"),
        ("Shift_JIS", b"\x93\xfa", "\u65e5"),
        ("utf-7", b"+2AA-", "+2AA-"),
        ("unicode_escape", b"\\ud800", "\\ud800"),
        ("utf-16", b"\x00\xd8", "\x00\ufffd"),
        ("rot13", b"n", "n"),
        ("no\x00such", b"\xc3\xa9", "\u00e9"),
    ],
)
def test_a_commit_cannot_choose_what_its_bytes_become(encoding: str, bytes_: bytes, text: str) -> None:
    """Guards every answer that holds a commit's text: `encoding utf-7` gave lone surrogates, which no UTF-8 holds."""
    raw = b"author %b <%b> 1 +0000\nencoding %b\n\n%b" % (bytes_, bytes_, encoding.encode(), bytes_)
    read = commit("ab" * 20, raw)
    assert (read.author_name, read.author_email, read.message) == (text, text, text)
    read.message.encode()


@given(st.sampled_from(sorted({*aliases.aliases.values(), "idna", "punycode", "undefined"})), st.binary(max_size=20))
def test_a_commits_text_can_always_be_written(encoding: str, message: bytes) -> None:
    commit("ab" * 20, b"encoding %b\n\n%b" % (encoding.encode(), message)).message.encode()


async def test_the_token_is_nowhere_to_be_seen(forge: GitForge, origin: Path, store: ObjectStore) -> None:
    """Guards the token against every argument list, error, file and representation; it does reach the forge."""
    (tip,) = grow(origin, [Node((), files(a="1"))])
    forge.hold = asyncio.Event()
    task = asyncio.create_task(fetch(store, forge, tip))
    await forge.seen.wait()  # git-remote-http is running now
    secret = TOKEN.reveal().encode()
    lines = [cmdline for p in Path("/proc").glob("[0-9]*") if (cmdline := _cmdline(p))]
    assert any(b"remote-http" in line for line in lines)
    assert not any(secret in line for line in lines)
    traces = [path.read_bytes() for path in store.path.glob("trace-*")]
    assert traces
    assert not any(secret in trace for trace in traces)
    forge.hold.set()
    await task
    with pytest.raises(errors.ForgeError) as caught:
        await store.fetch(f"{forge.url}/{TOKEN.reveal()}/x.git", ["ab" * 20], token=TOKEN, filter=ALL)
    assert TOKEN.reveal() not in f"{caught.value!r} {caught.value} {store!r} {TOKEN!r} {TOKEN}"
    assert not any(secret in path.read_bytes() for path in store.path.rglob("*") if path.is_file())


def _cmdline(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


async def test_cancelling_kills_git_and_all_that_it_started(
    forge: GitForge, origin: Path, store: ObjectStore
) -> None:
    """Guards against programs that go on fetching for nobody, and against a store that they leave broken."""
    (tip,) = grow(origin, [Node((), files(a="1"))])
    forge.hold = asyncio.Event()
    task = asyncio.create_task(fetch(store, forge, tip))
    await forge.seen.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    mark = str(forge.url).encode()
    assert not [line for p in Path("/proc").glob("[0-9]*") if mark in (line := _cmdline(p))]
    assert not list(store.path.glob("trace-*"))
    forge.hold.set()
    forge.hold = None
    await fetch(store, forge, tip)
    assert await store.missing([tip]) == set()


async def test_a_fetch_that_takes_too_long_ends(forge: GitForge, origin: Path, tmp_path: Path) -> None:
    """Guards a worker against a forge that accepts and never answers."""
    store = ObjectStore(tmp_path / "s", fetch_timeout=0.3)
    await store.ensure()
    forge.hold = asyncio.Event()
    with pytest.raises(errors.GitFailed, match="did not end"):
        await fetch(store, forge, "ab" * 20)
    forge.hold.set()


async def test_no_git_program_is_told_as_that(tmp_path: Path) -> None:
    """Guards the remedy: the error says that git could not be started."""
    with pytest.raises(errors.GitFailed, match="could not be started"):
        await ObjectStore(tmp_path / "s", git="/nonexistent/git").ensure()
    await ObjectStore(tmp_path / "s").ensure()
    with pytest.raises(errors.GitFailed, match="could not be started"):
        await ObjectStore(tmp_path / "s", git="/nonexistent/git").read(["--version"])


async def test_what_a_killed_program_left_does_not_stop_the_next(
    forge: GitForge, origin: Path, store: ObjectStore
) -> None:
    """Guards against a store that is locked for ever after a crash."""
    (tip,) = grow(origin, [Node((), files(a="1"))])
    lock = store.path / f"{KEEP}{tip}.lock"
    lock.parent.mkdir(parents=True)
    for left in (lock, store.path / "packed-refs.lock"):
        left.touch()
    with pytest.raises(errors.GitFailed, match="lock"):
        await fetch(store, forge, tip)
    await store.ensure()
    await fetch(store, forge, tip)
    assert git(store.path, "for-each-ref", "--format=%(objectname)").decode().split() == [tip]


async def test_the_store_is_disposable(tmp_path: Path, store: ObjectStore) -> None:
    """Guards asking before and after it is there, and a leftover of a killed process."""
    (store.path / "trace-old").write_text("left behind")
    (store.path.with_name("1.git.new")).mkdir()
    await store.ensure()
    assert not (store.path / "trace-old").exists()
    await store.remove()
    await store.remove()
    assert await store.missing(["ab" * 20]) == {"ab" * 20}
    assert await store.commits(["ab" * 20]) == {}
    await store.ensure()
    with pytest.raises(ValueError, match="not a full object id"):
        await store.missing(["--all"])


async def test_a_long_message_is_cut_and_a_long_blob_left_out(tmp_path: Path) -> None:
    """S9, C9: a commit message of 150 MB is taken by anybody's server; what is kept of it is short, as of a blob."""
    path = make(tmp_path / "r")
    small, long, after = grow(
        path,
        [
            Node((), {b"a": ("100644", b"a")}),
            Node((0,), {b"a": ("100644", b"x" * 5000)}, message=b"m" * (3 << 20)),
            Node((1,), {b"a": ("100644", b"c")}),
        ],
    )
    make(path / "reader")
    store = ObjectStore(path)
    commits = await store.commits([small, long, after])
    assert len(commits[long].message) < LONGEST_COMMIT
    assert (commits[long].parents, commits[after].message) == ((small,), "a change")
    ids = [(await store.tree(sha))["a"].id for sha in (small, long, after)]
    read = await store.blobs([*ids, "ab" * 20], max_bytes=4999)
    assert [read[key].content for key in [*ids, "ab" * 20]] == [b"a", None, b"c", None]
