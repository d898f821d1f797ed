"""Looking at a forge in passing: a few requests for each repository, each list with an end of its own.

Nothing that is seen here is kept. What is listed may be incomplete, and says so: it is for a proposal, and proves
nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from cache.profile.scalars import is_login
from daemon.setup.access import Access
from gitea_client.allowed import is_object_id
from gitea_client.errors import Forbidden, ForgeError, Malformed, Missing, ObjectMissing
from gitea_client.limits import StoreLimits
from gitea_client.objects import ObjectStore
from gitea_client.paging import pages
from gitea_client.paths import segment
from gitea_client.rest import API, Rest, searched
from gitea_client.transport import Query, Transport
from gitea_client.wire import Repository, ServerVersion, User, decode

SYMLINK = "120000"
TREE_PAGE = 1000
"""The most items that the servers give of a tree at once."""
MOST_MISSING = 3
"""Objects that a repository may lack and still be looked at."""
LARGEST_FETCH = 64 << 20
"""Bytes that one fetch may bring: a few small files are asked for."""
TOGETHER = 4
"""Requests under way at once: a stranger's forge is not to notice."""


class Item(Struct, frozen=True):
    """A regular file of a tree; `size` in bytes."""

    path: str
    size: int
    id: str


class Listed(Struct, frozen=True):
    """Repositories, newest change first; `total` is how many there are by the server's count, None where untold."""

    items: tuple[Repository, ...]
    total: int | None


class Tree(Struct, frozen=True):
    """The files of one commit, and the paths of its symbolic links; `complete` False where reading stopped before the
    end.
    """

    commit: str
    items: tuple[Item, ...]
    complete: bool
    links: tuple[str, ...] = ()


class _TreeItem(Struct, frozen=True):
    path: str = ""
    mode: str = ""
    type: str = ""
    size: int = 0
    sha: str = ""


class _TreePage(Struct, frozen=True):
    sha: str
    tree: tuple[_TreeItem, ...] = ()
    total_count: int = 0


class Looking:
    """Reads of one forge. Everything raises from the tree in `gitea_client.errors`."""

    def __init__(self, access: Access, transport: Transport, scratch: Path) -> None:
        self._access = access
        self._transport = transport
        self._scratch = scratch
        self._rest = Rest(transport)

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return self._transport.counter.snapshot().total

    async def version(self) -> ServerVersion:
        """Which server this is."""
        return await self._rest.version()

    async def me(self) -> str | None:
        """The login that the token speaks for; None without a token, or without the right to know (`read:user`)."""
        if self._access.token is None:
            return None
        try:
            answer = await self._transport.request("GET", f"{API}/user")
        except Forbidden:
            return None
        return decode(User, answer.body, f"GET {API}/user").login

    async def owner(self, login: str) -> User:
        """A user or an organisation; Missing where there is none to be seen."""
        return await self._rest.user(login)

    async def repositories(self, owner: User | None, most: int) -> Listed:
        """The repositories of an owner, or all that can be seen; at most about `most`."""
        query: Query = {"sort": "updated", "order": "desc"}
        if owner is not None:
            query |= {"uid": owner.id, "exclusive": True}
        found: dict[int, Repository] = {}
        total: int | None = None
        route = f"{API}/repos/search"
        try:
            async for page in pages(self._transport, route, query, searched, route=route):
                total = page.total
                found.update((item.id, item) for item in page.items if isinstance(item, Repository))
                if len(found) >= most:
                    break
        except Malformed:
            if not found:
                raise
            # the list moved while it was read: what was seen is enough for a proposal
        return Listed(tuple(found.values()), total)

    async def repository(self, full_name: str) -> Repository:
        """One repository; Missing where it is not to be seen."""
        owner, _, name = full_name.partition("/")
        return await self._rest.repository(owner, name)

    async def tree(self, repository: Repository, ref: str, most: int) -> Tree:
        """The regular files of a branch, tag or commit; reading stops after `most` items of the tree."""
        where = f"{API}/repos/{segment(repository.owner.login)}/{segment(repository.name)}/git/trees/"
        items: list[Item] = []
        links: list[str] = []
        commit, read = ref, 0
        for number in range(1, most // TREE_PAGE + 2):
            query: Query = {"recursive": True, "per_page": TREE_PAGE, "page": number}
            answer = await self._transport.request(
                "GET", where + segment(commit), query=query, route=f"{API}/repos/{{owner}}/{{name}}/git/trees/{{sha}}"
            )
            page = decode(_TreePage, answer.body, f"GET {where}")
            if not is_object_id(page.sha):
                raise Malformed(f"GET {where}: the tree's id is none")
            commit = page.sha  # a commit's id, when a branch was asked for: later pages are of the same commit
            read += len(page.tree)
            items += [Item(each.path, each.size, each.sha) for each in page.tree if _regular(each)]
            links += [each.path for each in page.tree if each.path and each.mode == SYMLINK]
            if not page.tree or read >= page.total_count:
                return Tree(commit, tuple(items), True, tuple(links))
        return Tree(commit, tuple(items), False, tuple(links))

    async def contents(self, repository: Repository, items: Sequence[Item]) -> dict[str, bytes | None]:
        """The bytes of files by their path, None for one that the forge does not give. Two requests, by Git.

        Raises ObjectMissing where it gives none of them, or several are missing: then no picture comes of it.
        """
        if not items:
            return {}
        url = self._transport.git_url(repository.full_name)
        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            store = ObjectStore(
                Path(folder) / f"{repository.id}.git",
                git=self._access.git,
                counter=self._transport.counter,
                object_format=repository.object_format_name,
                limits=StoreLimits(seconds=4 * self._access.timeout, fetch_size=LARGEST_FETCH),
            )
            await store.ensure()
            await self._fetch(store, url, [item.id for item in items])
            blobs = await store.blobs([item.id for item in items], max_bytes=self._access.max_file_size)
        return {item.path: blobs[item.id].content for item in items}

    async def _fetch(self, store: ObjectStore, url: str, ids: Sequence[str]) -> None:
        wanted, last = set(ids), None
        for _ in range(MOST_MISSING):
            try:
                await store.fetch(
                    url, wanted, token=self._access.token, filter="blob:none", ca_file=self._access.ca_file,
                    slot=self._transport.slot,
                )  # fmt: skip
            except ObjectMissing as missing:  # one that is missing fails the whole fetch
                last = missing
                wanted.discard(missing.object_id)
                if not wanted:
                    break
            else:
                return
        if last is not None:
            raise last


@asynccontextmanager
async def looking(access: Access) -> AsyncIterator[Looking]:
    """A forge to look at. Raises ValueError where the address or `ca_file` cannot be used."""
    ca_file = None if access.ca_file is None else str(access.ca_file)
    with tempfile.TemporaryDirectory(prefix="forgeglass-") as scratch:
        async with Transport(
            access.url, access.token, concurrency=TOGETHER, timeout=access.timeout, ca_file=ca_file
        ) as transport:
            yield Looking(access, transport, Path(scratch))


async def owners_seen(forge: Looking, most: int) -> list[tuple[str, int]]:
    """The owners of what the token sees, with how many repositories each has among the newest `most`."""
    counts: dict[str, int] = {}
    for repository in (await forge.repositories(None, most)).items:
        login = repository.owner.login
        if is_login(login):  # what is offered is printed, and may be picked
            counts[login] = counts.get(login, 0) + 1
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0].lower()))


def brief(error: ForgeError) -> str:
    """An error with its remedy, on one line."""
    known = "check the name, and that the token's user may read it" if isinstance(error, Missing) else error.remedy
    return f"{error}; {known}"


def _regular(item: _TreeItem) -> bool:
    """A file as such: no folder, no symbolic link, no submodule, which are never read."""
    fit = bool(item.path) and is_object_id(item.sha)
    return fit and item.type == "blob" and item.mode in ("100644", "100755")
