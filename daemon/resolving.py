"""Names that entries give to repositories the owners' lists do not hold: other owners', renamed, or nobody's."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec.structs import replace

from cache.model import Repository
from cache.world import World
from daemon.book import Book
from daemon.convert import repository_of
from gitea_client.errors import ForgeError, Missing, Redirected
from gitea_client.rest import Rest

_MOVED = re.compile(r"/repos/(?P<owner>[^/?#]+)/(?P<name>[^/?#]+)|/repositories/(?P<id>\d+)")


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


class Resolver:
    """Asks the forge for a name once, and again at each deep sweep."""

    def __init__(self, book: Book, rest: Rest) -> None:
        self._book = book
        self._rest = rest
        self._asked: set[str] = set()

    def ask_again(self) -> None:
        """Forget what the forge said of names."""
        self._asked.clear()

    async def resolve_unknown(self) -> dict[str, ForgeError]:
        """Look up every name within reach that no list holds. A 404 is an answer; what failed is told, by name."""
        failed: dict[str, ForgeError] = {}
        self._asked &= self._book.reach.unknown  # a name that is found, or not given any more, is asked anew later
        while unknown := sorted(self._book.reach.unknown - self._asked - failed.keys()):
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

    async def _moved(self, location: str) -> Repository | None:
        """Where a redirect leads, asked for at our own address: the forge's word for its host is not followed."""
        match = _MOVED.search(location)
        if match is None:
            return None
        try:
            if match["id"]:
                return repository_of(await self._rest.repository_by_id(int(match["id"])))
            return repository_of(await self._rest.repository(match["owner"], match["name"]))
        except (Missing, Redirected):
            return None
