"""A bare object store per forge repository: fetched into by id, read without ever asking the forge. Disposable."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from os import PathLike, fspath
from pathlib import Path

from gitea_client import batches, fetching, parsing, program, storing, streaming
from gitea_client.allowed import check_object_format
from gitea_client.counting import RequestCounter
from gitea_client.endings import limit_reached
from gitea_client.errors import ForgeError, GitFailed, Malformed, TooMuch
from gitea_client.git import Blob, Commit, TreeItem, check_object_id
from gitea_client.limits import ORDINARY_STORE, StoreLimits
from gitea_client.redaction import redact
from gitea_client.secret import Secret

MiB = 1 << 20
Slot = Callable[[], AbstractAsyncContextManager[None]]
KEEP = "refs/forgeglass/keep/"
_LEFT_BEHIND = ("trace-*", "*.lock", f"{KEEP}*.lock", "objects/pack/tmp_*")
_MANY_REFS = 100
_LONGEST_ARGUMENTS = 64 * 1024
LONGEST_COMMIT = 64 * 1024
"""Bytes that are kept of one commit; what its message says beyond them is left out."""
_LONG_TEXT = 128 * 1024
"""Bytes from which on a text is packed beside the event loop: so many take a millisecond or two."""
_LONGEST_TRACE = 4 * MiB
_MOST_HELD = 20_000
"""Ids, some 5 MB, of which one reading keeps that they are held, so as not to ask for them again."""
_HELD_COMMITS = 4 * MiB
"""Bytes of commits that one reading keeps."""
_LONGEST_LINE = 200
"""Bytes that git says of one object, its id, type and size, or that it answers to one question of ours."""
MOST_PATHS = 100_000
"""Paths of one listing: four times the largest documentation that was tried."""

MOST_CHANGES = 300_000
"""Changes of files of one history: 24,000 pages with 8,400 commits have 40,000."""


class ObjectStore:
    """The objects of one repository under `path`.

    Reading goes through `path/reader`, a git directory that holds nothing and looks at the store's objects only: in
    it no git program knows a remote, so an object that a filter kept away is missing instead of being downloaded one
    by one.

    What one was seen to hold is not looked for again, since nothing is ever taken out of a store but all of it: make
    another for another reading.
    """

    def __init__(
        self,
        path: Path,
        *,
        git: str = "git",
        counter: RequestCounter | None = None,
        object_format: str = "sha1",
        fetch_timeout: float | None = None,
        read_timeout: float | None = None,
        limits: StoreLimits = ORDINARY_STORE,
        most_paths: int = MOST_PATHS,
        most_changes: int = MOST_CHANGES,
    ) -> None:
        self.path = path.absolute()
        self._git = git
        self._counter = counter or RequestCounter()
        self._format = object_format
        self._limits = limits
        self._fetch_timeout = fetch_timeout or limits.seconds
        self._read_timeout = read_timeout or limits.seconds / 3
        self.most_changes = most_changes
        """How many changes of files one history may hold (`limits.repository_changes`)."""
        self.most_paths = most_paths
        """How many paths one listing may hold (`limits.tree_paths`)."""
        self._held: dict[str, tuple[str, int]] = {}
        self._commits: dict[str, Commit] = {}
        self._room_for_commits = _HELD_COMMITS

    # ---- the store itself

    async def ensure(self) -> None:
        """Make the store where it is not there yet, and clear away what a killed process left in it.

        A lock that nobody holds any more would make every later fetch fail, so nobody else may be fetching meanwhile.
        One whose configuration is not what is written here is discarded: git would obey whatever stands in it. Raises
        Malformed for an object format that Git does not have.
        """
        self._clear()
        try:
            object_format = check_object_format(self._format)
        except ValueError as error:
            raise Malformed(f"{self.path.name}: {error}") from None
        if all(storing.is_ours(place, object_format) for place in (self.path, self.path / "reader")):
            await asyncio.to_thread(storing.close_to_others, self.path)
            return
        await self.remove()
        making = self.path.with_name(self.path.name + ".new")  # renamed when whole: half a store is never found
        await asyncio.to_thread(shutil.rmtree, making, ignore_errors=True)
        making.mkdir(mode=0o700, parents=True)
        await self._run(storing.making(object_format), env={"GIT_DIR": str(making)}, cwd=making)
        await asyncio.to_thread(shutil.copytree, making, making / "reader")
        making.rename(self.path)

    def _clear(self) -> None:
        for pattern in _LEFT_BEHIND:
            for stale in self.path.glob(pattern):
                stale.unlink(missing_ok=True)

    async def remove(self) -> None:
        """Remove the store and all that is in it. Two may do so at once; who reads in it meanwhile gets GitFailed."""
        self._held.clear()
        self._commits.clear()
        await asyncio.to_thread(shutil.rmtree, self.path, ignore_errors=True)

    # ---- fetching

    async def fetch(
        self,
        url: str,
        ids: Collection[str],
        *,
        token: Secret | None,
        filter: str,  # noqa: A002  # git's own word
        refetch: bool = False,
        tips: Sequence[str] = (),
        ca_file: str | PathLike[str] | None = None,
        slot: Slot | None = None,
    ) -> None:
        """Fetch exactly these objects and what they need, in two HTTP requests; none where all are held.

        `filter` keeps objects away (`blob:limit=1m`, `tree:0`); `refetch` gets everything anew, for a wider filter.
        `tips` are commits that the forge has as well: they spare what is held, those not held are passed over. Each
        id gets a ref of ours, so that nothing takes it away again. Raises ObjectMissing for an id that the forge does
        not give (then nothing was fetched), and from the tree in `errors` for everything else.
        """
        wanted = sorted({check_object_id(object_id) for object_id in ids})
        lost = await self.missing({*wanted, *tips})
        absent = set(wanted) if refetch else lost & set(wanted)
        if absent:
            held = [tip for tip in tips if tip not in lost]
            arguments = fetching.arguments(filter=filter, refetch=refetch, tips=held)
            ca = None if ca_file is None else fspath(ca_file)
            configuration = fetching.configuration(url, filter=filter, token=token, ca_file=ca)
            what = redact(f"fetch {url}", token)
            async with slot() if slot else nullcontext():
                try:
                    await self._fetch(arguments, sorted(absent), configuration, what, token)
                except (ForgeError, asyncio.CancelledError):
                    self._clear()  # half a pack may be what fills the disk
                    raise
            if left_out := await self.missing(absent):
                raise Malformed(f"{what}: the forge left out {len(left_out)} objects, among them {min(left_out)}")
        await self._keep(wanted)

    async def _fetch(
        self, arguments: list[str], ids: list[str], configuration: dict[str, str], what: str, token: Secret | None
    ) -> None:
        with tempfile.NamedTemporaryFile(prefix="trace-", dir=self.path) as trace:
            tracing = {"GIT_TRACE_CURL": trace.name, "GIT_TRACE_CURL_NO_DATA": "1", "GIT_TRACE_REDACT": "1"}
            env = {**configuration, **tracing, "GIT_DIR": str(self.path)}
            statuses: list[int] = []
            limits = self._limits.fetching(self._check_room())
            try:
                ran = await program.run(
                    [self._git, *arguments],
                    cwd=self.path,
                    env=program.environment(env),
                    stdin=_lines(ids),
                    timeout=self._fetch_timeout,
                    most_output=MiB,
                    limits=limits,
                    watch=self._check_room,
                    starts_others=True,
                )
            finally:
                for route, status in fetching.requests_of(trace.read(_LONGEST_TRACE)):
                    self._counter.add("git", route, status)
                    statuses.append(status)
        if ran.code != 0:
            self._check_room()
            reached = limit_reached(ran, limits, what)
            raise reached or fetching.error_from(ran.stderr, statuses, what, token)

    def _check_room(self) -> int:
        return storing.check_room(self.path, self._limits.disk_free)

    async def _keep(self, ids: list[str]) -> None:
        """One ref of ours per id, in one transaction. Which there are is read from the files, without a program."""
        loose = {ref.name for ref in (self.path / KEEP).glob("*")}
        packed = self.path / "packed-refs"
        lines = packed.read_text().splitlines() if packed.exists() else []
        new = sorted(set(ids) - loose - {line.rpartition("/")[2] for line in lines})
        if not new:
            return
        env = {"GIT_DIR": str(self.path)}
        commands = "".join(f"create {KEEP}{object_id} {object_id}\n" for object_id in new)
        await self._run(["update-ref", "--stdin"], env=env, stdin=commands.encode())
        if len(loose) + len(new) >= _MANY_REFS:
            await self._run(["pack-refs", "--all"], env=env)

    # ---- objects

    async def missing(self, ids: Iterable[str]) -> set[str]:
        """Those of `ids` that the store does not hold; all of them where there is no store."""
        wanted = {check_object_id(object_id) for object_id in ids}
        if not any((self.path / "objects").glob("*/*")):
            return wanted  # nothing was fetched yet
        return wanted - (await self._sizes(wanted)).keys()

    async def commits(self, ids: Iterable[str]) -> dict[str, Commit]:
        """The commits among `ids` that the store holds."""
        wanted = {check_object_id(object_id) for object_id in ids}
        if not wanted or not self.path.exists():
            return {}
        found = {sha: self._commits[sha] for sha in wanted & self._commits.keys()}
        async for sha, kind, raw in batches.objects(self, sorted(wanted - found.keys()), most=LONGEST_COMMIT, cut=True):
            if kind == "commit" and raw is not None:
                found[sha] = parsing.commit(sha, raw)
                if len(raw) <= self._room_for_commits:
                    self._room_for_commits -= len(raw)
                    self._commits[sha] = found[sha]
        return {sha: found[sha] for sha in sorted(found)}

    async def blobs(self, ids: Iterable[str], max_bytes: int = MiB) -> dict[str, Blob]:
        """A blob for every id; its content is None where it is not held, no blob, or longer than `max_bytes`."""
        wanted = {check_object_id(object_id) for object_id in ids}
        blobs = {key: Blob(key, None) for key in sorted(wanted)}
        if not wanted or not self.path.exists():
            return blobs
        async for key, kind, content in batches.objects(self, list(blobs), most=max_bytes):
            if kind == "blob":
                long = content is not None and len(content) > _LONG_TEXT
                blobs[key] = await asyncio.to_thread(Blob.of, key, content) if long else Blob.of(key, content)
        return blobs

    async def sizes(self, ids: Iterable[str]) -> dict[str, int]:
        """The bytes of those objects among `ids` that the store holds."""
        held = await self._sizes({check_object_id(object_id) for object_id in ids})
        return {key: size for key, (_, size) in held.items()}

    async def _sizes(self, ids: set[str]) -> dict[str, tuple[str, int]]:
        if not self.path.exists():
            return {}
        held = {key: self._held[key] for key in ids & self._held.keys()}
        if asked := sorted(ids - held.keys()):
            most = _LONGEST_LINE * len(asked)
            said = await self.read(["cat-file", "--batch-check", "--buffer"], stdin=_lines(asked), most=most)
            found = parsing.sizes(said)
            held |= found
            if len(self._held) + len(found) <= _MOST_HELD:
                self._held |= found
        return held

    # ---- trees and the graph

    async def tree(self, commit: str, prefixes: Sequence[str] = (), *, most: int | None = None) -> dict[str, TreeItem]:
        """Every file of a commit's tree by path, or those below `prefixes` (directories or whole paths).

        Of a name that one tree holds twice the first is taken, as `git show commit:path` does. Raises TooMuch where
        there are more than `most` (by default as many as the store allows), and GitFailed.
        """
        most = self.most_paths if most is None else most
        arguments = ["ls-tree", "-r", "-z", "--full-tree", check_object_id(commit), "--"]
        items: dict[str, TreeItem] = {}
        count, rest = 0, b""
        async with aclosing(self.stream([*arguments, *pathspecs(prefixes)])) as pieces:
            async for piece in pieces:
                whole, _, rest = (rest + piece).rpartition(b"\0")
                count += piece.count(b"\0")
                if count > most:
                    raise TooMuch(f"{commit} in {self.path.name}", f"holds more than {most} paths", "tree_paths")
                for path, item in parsing.tree(whole, self.path.name).items():
                    items.setdefault(path, item)
        if rest:
            raise GitFailed(f"{self.path.name}: ls-tree ended in the middle of an item")
        return items

    async def merge_base(self, a: str, b: str) -> str | None:
        """The best common ancestor, None where there is none."""
        ran = await self._reader(["merge-base", check_object_id(a), check_object_id(b)])
        self._check(ran, 0, 1)
        return ran.stdout.decode().strip() or None

    async def is_ancestor(self, a: str, b: str) -> bool:
        """Whether `a` is `b` or reachable from it."""
        ran = await self._reader(["merge-base", "--is-ancestor", check_object_id(a), check_object_id(b)])
        self._check(ran, 0, 1)
        return ran.code == 0

    async def ancestors(
        self, tip: str, *, without: Sequence[str] = (), first_parent: bool = False, limit: int | None = None
    ) -> list[str]:
        """`tip` and what it is made of, children before parents, without what `without` reaches."""
        options = ["--first-parent"] if first_parent else []
        options += [f"--max-count={limit}"] if limit is not None else []
        revisions = [check_object_id(tip), *("^" + check_object_id(other) for other in without)]
        return (await self.read(["rev-list", "--topo-order", *options, *revisions])).decode().split()

    # ---- running git

    async def read(
        self, arguments: Sequence[str | bytes], *, stdin: bytes = b"", most: int = program.MOST_OUTPUT
    ) -> bytes:
        """Run git on the store's objects from the empty git directory and give back what it says, `most` bytes at most.

        Raises GitFailed.
        """
        ran = await self._reader(arguments, stdin, most)
        self._check(ran, 0)
        return ran.stdout

    def stream(self, arguments: Sequence[str | bytes], *, stdin: bytes = b"") -> AsyncGenerator[bytes, None]:
        """Like `read`, what git says in pieces while it comes; whoever stops early closes it, which ends git."""
        return streaming.stream(
            [self._git, *arguments],
            cwd=self.path,
            env=program.environment(self._reading),
            stdin=stdin,
            timeout=self._read_timeout,
            limits=self._limits.reading,
        )

    @property
    def _reading(self) -> dict[str, str]:
        return {"GIT_DIR": str(self.path / "reader"), "GIT_OBJECT_DIRECTORY": str(self.path / "objects")}

    async def _reader(
        self, arguments: Sequence[str | bytes], stdin: bytes = b"", most: int = _LONGEST_LINE
    ) -> program.Ran:
        return await self._program(arguments, self._reading, stdin, most=most)

    async def _run(
        self, arguments: Sequence[str], *, env: dict[str, str], stdin: bytes = b"", cwd: Path | None = None
    ) -> bytes:
        ran = await self._program(arguments, env, stdin, cwd=cwd)
        self._check(ran, 0)
        return ran.stdout

    async def _program(
        self,
        arguments: Sequence[str | bytes],
        env: dict[str, str],
        stdin: bytes,
        *,
        cwd: Path | None = None,
        most: int = MiB,
    ) -> program.Ran:
        return await program.run(
            [self._git, *arguments],
            cwd=cwd or self.path,
            env=program.environment(env),
            stdin=stdin,
            timeout=self._read_timeout,
            most_output=most,
            limits=self._limits.reading,
        )

    def _check(self, ran: program.Ran, *answers: int) -> None:
        if ran.code not in answers:
            if reached := limit_reached(ran, self._limits.reading, f"reading {self.path.name}"):
                raise reached
            raise GitFailed(f"{self.path.name}: git ended with {ran.code}: {fetching.quotable(ran.stderr, None)}")


def pathspecs(prefixes: Sequence[str]) -> list[bytes]:
    """Folders and paths as arguments of git; none where all is wanted, or where they are too many for a command line.

    Git then tells of everything: who asks for so much hardly loses by it, and still has to choose.
    """
    below = [] if "" in prefixes else [parsing.path_bytes(prefix.rstrip("/")) for prefix in prefixes]
    return below if sum(map(len, below)) <= _LONGEST_ARGUMENTS else []


def _lines(ids: Sequence[str]) -> bytes:
    return "".join(f"{object_id}\n" for object_id in ids).encode()
