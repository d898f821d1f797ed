"""Names whose owner only the forge can tell.

Those that entries give to repositories the owners' lists do not hold: other owners', renamed, or nobody's. And the
addresses by which pull requests name a person.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from functools import partial

import structlog
from msgspec.structs import replace

from cache.model import Repository
from cache.projection.people import addresses, still_told
from cache.rows import PullEntryRow
from cache.world import World
from daemon.book import Book
from daemon.convert import repository_of
from gitea_client.allowed import is_owner, is_repository_name
from gitea_client.errors import (
    Forbidden,
    ForgeError,
    Malformed,
    Missing,
    Redirected,
    Throttled,
    Unauthorized,
    Unreachable,
)
from gitea_client.rest import Rest

log = structlog.get_logger(__name__)

MOST_NAMES = 1_000
"""So many unknown names are looked up at a time: one file can name more than a forge answers for in an hour."""

_MOVED = re.compile(r"/repos/(?P<owner>[^/?#]+)/(?P<name>[^/?#]+)|/repositories/(?P<id>[0-9]{1,18})(?![0-9])")


def with_name(world: World, repository: Repository) -> World:
    """This world after a repository was found under its present name.

    The name it bore until now leads to it until the forge was asked: nothing that names it loses it meanwhile.
    """
    known = world.listed.get(repository.id)
    world = replace(world, listed={**world.listed, repository.id: repository})
    if known is None or known.full_name.lower() == repository.full_name.lower():
        return world
    former = known.full_name.lower()
    if former in world.by_name:
        return world
    return replace(world, aliases={**world.aliases, former: repository.id})


def _without(repository_id: int, world: World) -> World:
    return world.without(repository_id, listed=False)


class Resolver:
    """Asks the forge for a name once, and again at each deep sweep."""

    def __init__(self, book: Book, rest: Rest) -> None:
        self._book = book
        self._rest = rest
        self._asked: set[str] = set()
        self._doubted: frozenset[str] = frozenset()
        self._told_refusal = False
        self._resolving_people = asyncio.Lock()

    def ask_again(self) -> None:
        """Forget what the forge said of names."""
        self._asked.clear()

    async def resolve_unknown(self) -> dict[str, ForgeError]:
        """Look up every name within reach that no list holds. A 404 is an answer; what failed is told, by name."""
        failed: dict[str, ForgeError] = {}
        self._asked &= self._book.reach.unknown  # a name that is found, or not given any more, is asked anew later
        asked = 0
        while unknown := sorted(self._book.reach.unknown - self._asked - failed.keys())[: MOST_NAMES - asked]:
            asked += len(unknown)
            for name in unknown:
                try:
                    await self.resolve(name)
                    self._asked.add(name)
                except ForgeError as error:
                    failed[name] = error
        return failed

    async def confirm_aliases(self, names: Iterable[str] | None = None) -> dict[str, ForgeError]:
        """Ask again for aliases (all by default): the name may lead to another repository by now, or to none."""
        failed: dict[str, ForgeError] = {}
        for name in sorted(self._book.world.aliases if names is None else names):
            try:
                await self.resolve(name)
            except ForgeError as error:
                failed[name] = error
        return failed

    async def confirm_strangers(self, owners: Iterable[str]) -> dict[str, ForgeError]:
        """Ask again for others' repositories than those of `owners` that are only named: no list tells of them."""
        failed: dict[str, ForgeError] = {}
        ours, world = {owner.lower() for owner in owners}, self._book.world
        for known in list(world.listed.values()):
            if known.owner.lower() in ours or known.id in world.mirrored:
                continue
            try:
                current = repository_of(await self._rest.repository_by_id(known.id))
            except Missing:
                await self._book.turn(partial(_without, known.id))
            except ForgeError as error:
                failed[known.full_name] = error
            else:
                if not self._may_know(current, current.full_name.lower()):
                    await self._book.turn(partial(_without, known.id))
                elif current != known:
                    await self._book.turn(partial(with_name, repository=current))
        return failed

    async def resolve(self, full_name: str) -> None:
        """Ask the forge what a name leads to. Raises ForgeError; a 404 is an answer."""
        owner, _, name = full_name.partition("/")
        alias = full_name.lower()
        found: Repository | None
        try:
            found = repository_of(await self._rest.repository(owner, name))
        except Redirected as moved:
            found = await self._moved(moved.location)
        except Missing:
            found = None
        if found is not None and not self._may_know(found, alias):
            found = None

        def change(world: World) -> World:
            aliases = {k: v for k, v in world.aliases.items() if k != alias}
            if found is None:
                return replace(world, aliases=aliases) if alias in world.aliases else world
            listed = world.listed if found.id in world.listed else {**world.listed, found.id: found}
            if found.full_name.lower() != alias:
                aliases[alias] = found.id
            return replace(world, listed=listed, aliases=aliases)

        if change(self._book.world) is not self._book.world:
            await self._book.turn(change)

    def _may_know(self, repository: Repository, alias: str) -> bool:
        """Whether it may be known here that a name leads somewhere: our token may be shown a private repository of
        others, of which those who read here, and those who push entries, know nothing.
        """
        ours = self._book.world.ours(repository) or alias in self._book.reach.configured
        return ours or not repository.private

    def doubt_people(self) -> None:
        """Have every address asked for again: its user may have come, have another login, or hide it by now."""
        self._doubted = frozenset(self._book.world.people)

    async def resolve_people(self) -> dict[str, ForgeError]:
        """Look up the users behind addresses that name a person. What failed is told, by address, and asked later.

        Without an address that is new or doubted the forge is not asked. All answers are written at once.
        """
        async with self._resolving_people:
            places, known = self._book.rows[PullEntryRow].values(), self._book.world.people
            kept = still_told(known, places) if self._doubted else known
            wanted = (addresses(places) - known.keys()) | (self._doubted & kept.keys())
            answers: dict[str, str] = {}
            failed: dict[str, ForgeError] = {}
            for address in sorted(wanted):
                try:
                    answers[address] = await self._login_of(address, known.get(address, ""))
                except ForgeError as error:
                    failed[address] = error
                    if isinstance(error, Unreachable | Throttled | Unauthorized):
                        break  # the others would be told the same
            self._doubted = self._doubted & (kept.keys() - answers.keys())
            people = {**kept, **answers}
            if people != known:
                await self._book.turn(lambda world: replace(world, people=people))
            return failed

    async def _login_of(self, address: str, before: str) -> str:
        """The login of an address, empty where it is nobody's. Where we may not ask, what was known stands."""
        try:
            user = await self._rest.user_by_address(address)
        except (Forbidden, Missing) as error:
            if not self._told_refusal:
                self._told_refusal = True
                log.warning("people.not_shown", error=str(error), remedy="give the token the scope read:user")
            return before
        return user.login if user is not None else ""

    async def _moved(self, location: str) -> Repository | None:
        """Where a redirect leads, asked for at our own address: the forge's word for its host is not followed."""
        match = _MOVED.search(location)
        if match is None:
            return None
        try:
            if match["id"]:
                return repository_of(await self._rest.repository_by_id(int(match["id"])))
            if not (is_owner(match["owner"]) and is_repository_name(match["name"])):
                raise Malformed(f"the forge says that a repository moved to {location[:80]!r}, which is none")
            return repository_of(await self._rest.repository(match["owner"], match["name"]))
        except (Missing, Redirected):
            return None
