"""Looking round at a forge: who we are there, which owners there are, what lies in their repositories."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from cache.profile.infer import SeenFile, read_seen
from cache.profile.scalars import is_repository
from daemon.convert import repository_of
from daemon.setup.forge import Item, Looking, brief
from daemon.setup.propose import Sight, is_page
from gitea_client.errors import ForgeError, HttpError, Throttled, Unauthorized, Unreachable
from gitea_client.wire import Repository, User

MOST_LISTED = 400
"""Repositories of one owner that are listed, the newest change first; eight requests."""
MOST_LOOKED = 50
"""Repositories that are looked at in depth: two or three requests for each."""
MOST_PATHS = 3_000
"""Items of one repository's tree."""
MOST_SAMPLES = 8
"""Files read of one repository, twice: of its `rfcs`, and of all else; all by two requests."""
LARGEST_SAMPLE = 64 * 1024

Tell = Callable[[Mapping[str, Any]], None]


class Survey(Struct, frozen=True):
    """What was seen. `listed` of `total` repositories were listed, `looked` of them looked at; `failed` says which
    could not be, and why; `short` names those with more files than were listed; `bare` are owners without any.
    `hidden` counts those listed that the forge does not show to everyone; `empty` names those without a commit.
    """

    sights: tuple[Sight, ...]
    listed: int
    total: int
    looked: int
    failed: tuple[str, ...] = ()
    short: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()
    hidden: int = 0
    empty: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether nothing was left out."""
        return self.looked == self.total and not self.failed and not self.short


async def survey(forge: Looking, owners: Sequence[User], tell: Tell) -> Survey:
    """Look at the repositories of some owners, at most MOST_LOOKED in all, those changed last first.

    A repository that cannot be read is told and passed over. Raises from the tree in `gitea_client.errors` where an
    owner cannot be listed, and where the forge as a whole gives no answer any more or takes the token no longer.
    """
    listed: list[list[Repository]] = []
    total = 0
    bare: list[str] = []
    for position, owner in enumerate(owners):
        tell({"what": f"listing {owner.login}", "done": position, "of": len(owners)})
        found = await forge.repositories(owner, MOST_LISTED)
        count = len(found.items) if found.total is None else found.total
        total += count
        bare.extend([] if count else [owner.login])
        listed.append(sorted(found.items, key=lambda one: (one.empty, one.archived, one.fork)))
    chosen = [one for one in _in_turn(listed) if one.default_branch and is_repository(_name(one))][:MOST_LOOKED]
    empty = [_name(one) for items in listed for one in items if not one.default_branch]
    seen: dict[int, Sight] = {}
    failed: list[str] = []
    short: list[str] = []
    queue = iter(enumerate(chosen))

    async def work() -> None:
        for number, repository in queue:
            tell({"what": f"looking at {_name(repository)}", "done": number, "of": len(chosen)})
            try:
                sight, complete = await look(forge, repository)
            except (Unreachable, Unauthorized, Throttled):
                raise
            except (ForgeError, ValueError) as error:
                if repository.empty and isinstance(error, HttpError):
                    empty.append(_name(repository))  # so it is: that the forge says so proves nothing after a push
                    continue
                failed.append(f"{_name(repository)}: {brief(error) if isinstance(error, ForgeError) else error}")
                continue
            seen[number] = sight
            short.extend([] if complete else [_name(repository)])

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(work())
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    return Survey(
        sights=tuple(seen[number] for number in sorted(seen)),
        listed=sum(map(len, listed)),
        total=total,
        looked=len(seen) + len(empty),
        failed=tuple(sorted(failed)),
        short=tuple(sorted(short)),
        bare=tuple(bare),
        hidden=sum(repository_of(one).private for items in listed for one in items),
        empty=tuple(sorted(empty)),
    )


async def look(forge: Looking, repository: Repository) -> tuple[Sight, bool]:
    """One repository, and whether all its files were listed."""
    tree = await forge.tree(repository, repository.default_branch, MOST_PATHS)
    contents = await forge.contents(repository, samples(tree.items))
    read: list[SeenFile] = [read_seen(path, content) for path, content in sorted(contents.items())]
    sight = Sight(
        owner=repository.owner.login,
        name=repository.name,
        topics=repository.topics,
        paths=tuple(item.path for item in tree.items),
        samples=tuple(read),
    )
    return sight, tree.complete


def samples(items: Iterable[Item]) -> list[Item]:
    """The files that are worth reading for a proposal: some of what may be RFCs, some of all other pages."""
    pages = [item for item in items if is_page(item.path) and item.size <= LARGEST_SAMPLE]
    rfcs = [item for item in pages if item.path.startswith("rfcs/")]
    return [*_spread(rfcs), *_spread([item for item in pages if not item.path.startswith("rfcs/")])]


def _spread(items: Sequence[Item]) -> list[Item]:
    """MOST_SAMPLES of them, from the first to the last."""
    step = max(len(items) // MOST_SAMPLES, 1)
    return [*items[::step][:MOST_SAMPLES]]


def _name(repository: Repository) -> str:
    return f"{repository.owner.login}/{repository.name}"


def _in_turn(lists: Sequence[Sequence[Repository]]) -> list[Repository]:
    """One of each list, then the next of each: no owner's many repositories hide another's few."""
    longest = max(map(len, lists), default=0)
    return [items[at] for at in range(longest) for items in lists if at < len(items)]
