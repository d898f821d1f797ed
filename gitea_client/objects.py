"""A bare object store per forge repository: fetched into by id, read without ever asking the forge. Disposable."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from os import PathLike, fspath
from pathlib import Path

from gitea_client import fetching, parsing, program, storing, streaming
from gitea_client.allowed import check_object_format
from gitea_client.counting import RequestCounter
from gitea_client.errors import GitFailed, Malformed, TooMuch
from gitea_client.git import Blob, Commit, TreeItem, check_object_id
from gitea_client.redaction import redact
from gitea_client.secret import Secret

MiB = 1 << 20
Slot = Callable[[], AbstractAsyncContextManager[None]]
KEEP = "refs/forgeglass/keep/"
_LEFT_BEHIND = ("trace-*", "*.lock", f"{KEEP}*.lock", "objects/pack/tmp_*")
_MANY_REFS = 100
_LONGEST_ARGUMENTS = 64 * 1024
MOST_PATHS = 100_000
"""Paths of one listing: four times the largest documentation that was tried."""


class ObjectStore:
    """The objects of one repository under `path`.

    Reading goes through `path/reader`, a git directory that holds nothing and looks at the store's objects only: in
    it no git program knows a remote, so an object that a filter kept away is missing instead of being downloaded one
    by one.
    """

    def __init__(
        self,
        path: Path,
        *,
        git: str = "git",
        counter: RequestCounter | None = None,
        object_format: str = "sha1",
        fetch_timeout: float = 900.0,
        read_timeout: float = 300.0,
        most_paths: int = MOST_PATHS,
    ) -> None:
        self.path = path.absolute()
        self._git = git
        self._counter = counter or RequestCounter()
        self._format = object_format
        self._fetch_timeout = fetch_timeout
        self._read_timeout = read_timeout
        self.most_paths = most_paths
        """How many paths one listing may hold (`limits.tree_paths`)."""

    # ---- the store itself

    async def ensure(self) -> None:
        """Make the store where it is not there yet, and clear away what a killed process left in it.

        A lock that nobody holds any more would make every later fetch fail, so nobody else may be fetching meanwhile.
        One whose configuration is not what is written here is discarded: git would obey whatever stands in it. Raises
        Malformed for an object format that Git does not have.
        """
        for pattern in _LEFT_BEHIND:
            for stale in self.path.glob(pattern):
                stale.unlink(missing_ok=True)
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

    async def remove(self) -> None:
        """Remove the store and all that is in it. Two may do so at once; who reads in it meanwhile gets GitFailed."""
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
                await self._fetch(arguments, sorted(absent), configuration, what, token)
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
            try:
                ran = await self._program(arguments, env, _lines(ids), seconds=self._fetch_timeout)
            finally:
                for route, status in fetching.requests_of(trace.read()):
                    self._counter.add("git", route, status)
                    statuses.append(status)
        if ran.code != 0:
            raise fetching.error_from(ran.stderr, statuses, what, token)

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
        found = await self._batch({check_object_id(object_id) for object_id in ids})
        return {sha: parsing.commit(sha, raw) for sha, (kind, raw) in found.items() if kind == "commit"}

    async def blobs(self, ids: Iterable[str], max_bytes: int = MiB) -> dict[str, Blob]:
        """A blob for every id; its content is None where it is not held, no blob, or longer than `max_bytes`."""
        wanted = {check_object_id(object_id) for object_id in ids}
        held = await self._sizes(wanted)
        small = {key for key, (kind, size) in held.items() if kind == "blob" and size <= max_bytes}
        found = await self._batch(small)
        return {key: Blob(key, found[key][1] if key in found else None) for key in sorted(wanted)}

    async def _sizes(self, ids: set[str]) -> dict[str, tuple[str, int]]:
        if not ids or not self.path.exists():
            return {}
        return parsing.sizes(await self.read(["cat-file", "--batch-check", "--buffer"], stdin=_lines(sorted(ids))))

    async def _batch(self, ids: set[str]) -> dict[str, tuple[str, bytes]]:
        if not ids or not self.path.exists():
            return {}
        output = await self.read(["cat-file", "--batch", "--buffer"], stdin=_lines(sorted(ids)))
        return {key: (kind, raw) for key, kind, raw in parsing.batch(output, str(self.path))}

    # ---- trees and the graph

    async def tree(
        self, commit: str, prefixes: Sequence[str] = (), *, most: int | None = None
    ) -> dict[str, TreeItem]:
        """Every file of a commit's tree by path, or those below `prefixes` (directories or whole paths).

        Of a name that one tree holds twice the first is taken, as `git show commit:path` does. Raises TooMuch where
        there are more than `most` (by default as many as the store allows), and GitFailed.
        """
        most = self.most_paths if most is None else most
        below = [] if "" in prefixes else [parsing.path_bytes(prefix.rstrip("/")) for prefix in prefixes]
        if sum(map(len, below)) > _LONGEST_ARGUMENTS:
            below = []  # too many for a command line: read all; who asks for so much hardly loses by it
        arguments = ["ls-tree", "-r", "-z", "--full-tree", check_object_id(commit), "--"]
        items: dict[str, TreeItem] = {}
        count, rest = 0, b""
        async with aclosing(self.stream([*arguments, *below])) as pieces:
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

    async def changed_paths(self, before: str, after: str) -> dict[str, TreeItem | None]:
        """What differs between two commits: the path's new item, None where it was removed."""
        arguments = ["diff-tree", "-r", "-z", "--no-renames", "--raw", "--no-abbrev"]
        output = await self.read([*arguments, check_object_id(before), check_object_id(after)])
        return dict(change for change in parsing.raw_changes(output) if isinstance(change, tuple))

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

    async def read(self, arguments: Sequence[str | bytes], *, stdin: bytes = b"") -> bytes:
        """Run git on the store's objects from the empty git directory and give back what it says; raises GitFailed."""
        ran = await self._reader(arguments, stdin)
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
        )

    @property
    def _reading(self) -> dict[str, str]:
        return {"GIT_DIR": str(self.path / "reader"), "GIT_OBJECT_DIRECTORY": str(self.path / "objects")}

    async def _reader(self, arguments: Sequence[str | bytes], stdin: bytes = b"") -> program.Ran:
        return await self._program(arguments, self._reading, stdin)

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
        seconds: float | None = None,
        cwd: Path | None = None,
    ) -> program.Ran:
        return await program.run(
            [self._git, *arguments],
            cwd=cwd or self.path,
            env=program.environment(env),
            stdin=stdin,
            timeout=seconds or self._read_timeout,
        )

    def _check(self, ran: program.Ran, *answers: int) -> None:
        if ran.code not in answers:
            raise GitFailed(f"{self.path.name}: git ended with {ran.code}: {fetching.quotable(ran.stderr, None)}")


def _lines(ids: Sequence[str]) -> bytes:
    return "".join(f"{object_id}\n" for object_id in ids).encode()
