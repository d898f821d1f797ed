"""Names that entries give to repositories the owners' lists do not hold: other owners', renamed, or nobody's."""

from __future__ import annotations

import re

from msgspec.structs import replace

from cache.model import Repository
from cache.world import World
from daemon.book import Book
from daemon.convert import repository_of
from gitea_client.errors import Missing, Redirected
from gitea_client.rest import Rest

_MOVED = re.compile(r"/repos/(?P<owner>[^/?#]+)/(?P<name>[^/?#]+)|/repositories/(?P<id>\d+)")


class Resolver:
    """Asks the forge for a name once, and again at each deep sweep."""

    def __init__(self, book: Book, rest: Rest) -> None:
        self._book = book
        self._rest = rest
        self._asked: set[str] = set()

    def ask_again(self) -> None:
        """Forget what the forge said of names."""
        self._asked.clear()

    async def resolve_unknown(self) -> None:
        """Look up every name within reach that no list holds. Raises ForgeError; a 404 is an answer."""
        while unknown := sorted(self._book.reach.unknown - self._asked):
            for name in unknown:
                await self._resolve(name)
                self._asked.add(name)

    async def confirm_aliases(self) -> None:
        """Ask again for every alias: the name may have been given to another repository, or to none."""
        for name in sorted(self._book.world.aliases):
            await self._resolve(name)

    async def _resolve(self, full_name: str) -> None:
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
