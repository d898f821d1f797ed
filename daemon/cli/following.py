"""Following the change feed over lost connections and restarts: nothing is missed, nothing is told twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, NoReturn

from daemon.cli.feed_client import FeedClient, Pairs, RefusedError, UnreachableError

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before another attempt; each is twice the one before."""


class Follower:
    """One reader of the feed. `place` is the position after the last change that was told; None before the first.

    `tell` is given each change, `note` what a person should know of the connection.
    """

    def __init__(
        self,
        client: FeedClient,
        filters: Pairs,
        place: str | None,
        tell: Callable[[Mapping[str, Any]], None],
        note: Callable[[str], None],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.place = place
        self._client, self._filters = client, filters
        self._tell, self._note, self._sleep = tell, note, sleep
        self._lost = self._begun = False
        self._pause = FIRST_PAUSE
        self._left: int | None = None

    async def run(self, most: int | None = None) -> None:
        """Tell changes until `most` are told; else for ever.

        Raises UnreachableError where nobody answers the first time, RefusedError where the feed cannot go on from
        the place (`resync`) or the question is wrong.
        """
        self._left = most
        while self._left != 0:
            try:
                await self._stream()
                reason = "the stream ended"
            except UnreachableError as error:
                if not self._begun:
                    raise
                reason = str(error)
            if self._left != 0:
                await self._again(reason)

    async def _stream(self) -> None:
        async with aclosing(self._client.events(self._filters, self.place)) as events:
            async for event in events:
                if event.name == "resync":
                    _refuse(event.data)
                if event.name == "hello":
                    self._welcome()
                    self.place = self.place or event.id
                elif event.name == "change":
                    self._tell(event.data)
                    self.place = event.id
                    if self._left is not None:
                        self._left -= 1
                if self._left == 0:
                    return

    def _welcome(self) -> None:
        if self._lost:
            self._note("connected again")
        self._begun, self._lost, self._pause = True, False, FIRST_PAUSE

    async def _again(self, reason: str) -> None:
        if not self._lost:
            self._note(f"the connection is lost ({reason}); trying again")
        self._lost = True
        await self._sleep(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)


def _refuse(problem: Mapping[str, Any]) -> NoReturn:
    position = problem.get("position")
    raise RefusedError(410, "resync", str(problem.get("detail", "")), str(position) if position else None)
