"""Texts made up for pages, within a budget of time each: past it a text is shown as it is written, with a note.

Short texts are made up at once. Longer ones are made up one at a time in a process that can be killed, the shortest
that waits first, so that no number of slow ones stands in the way of a usual one for long. What was made up, and that
a text took too long, is kept in a bounded memory.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import msgspec
import structlog
from markupsafe import Markup

from daemon.console.markdown import LARGEST, rendered, verbatim
from daemon.work.killable import DiedError, Killable, TookTooLongError

log = structlog.get_logger(__name__)

SMALL = 2000
"""Letters up to which a text is made up at once: at worst 20 ms (measured: nothing but `[`)."""
WAITING = 16
"""How many may wait."""
PATIENCE = 5.0
"""Seconds that one waits before its text is shown as it is written."""
KEPT = 16 << 20
"""Characters of HTML that are kept."""

SLOW = "Making this text up takes too long; it is shown as it is written."
BUSY = "Too many texts are being made up at the moment; this one is shown as it is written. Look again in a moment."


class Renderer:
    """Makes up texts; `seconds` is the budget of each."""

    def __init__(self, seconds: float = 2.0) -> None:
        self._seconds = seconds
        self._process = Killable("daemon.console.render_process")
        self._thread = ThreadPoolExecutor(1, "render")
        self._beside = ThreadPoolExecutor(1, "verbatim")  # many at once would keep the loop from its turn
        self._gate = _Gate()
        self._kept = _Kept()

    async def rendered(self, text: str, beside: str) -> Markup:
        """The text as HTML, or as it is written with a note that says why; `beside` as `markdown.rendered` has it."""
        if len(text) <= SMALL:
            return rendered(text, beside)
        if len(text) > LARGEST:
            return await self._at_length(rendered, text, beside)
        key = sha256(f"{beside}\0{text}".encode("utf-8", "surrogatepass")).digest()
        if (found := self._kept.get(key)) is not None:
            return found
        if not await self._gate.enter(len(text)):
            return await self._at_length(verbatim, text, BUSY)
        try:
            made = self._kept.get(key)
            return made if made is not None else await self._made(key, text, beside)
        finally:
            self._gate.leave()

    async def _at_length(self, make: Callable[[str, str], Markup], text: str, more: str) -> Markup:
        """What is shown as it is written: up to a quarter of a second for a megabyte of letters that act."""
        return await asyncio.get_running_loop().run_in_executor(self._beside, make, text, more)

    async def _made(self, key: bytes, text: str, beside: str) -> Markup:
        question = msgspec.msgpack.encode((text.encode("utf-8", "replace").decode(), beside))
        ask = asyncio.get_running_loop().run_in_executor(self._thread, self._process.ask, question, self._seconds)
        try:
            made = Markup((await ask).decode())  # noqa: S704 - what `markdown.rendered` gave, in the process
        except (TookTooLongError, DiedError) as error:
            log.warning("console.text_not_rendered", letters=len(text), reason=type(error).__name__)
            made = await self._at_length(verbatim, text, SLOW)
        except OSError as error:
            log.warning("console.no_renderer", error=type(error).__name__)
            return await self._at_length(verbatim, text, BUSY)
        self._kept.put(key, made)
        return made

    async def stop(self, _app: object = None) -> None:
        """End the process."""
        self._process.kill()
        for executor in (self._thread, self._beside):
            executor.shutdown(wait=False, cancel_futures=True)


class _Gate:
    """Lets one in at a time: of those that wait, the lightest first. Where too many wait, the heaviest goes."""

    def __init__(self) -> None:
        self._busy = False
        self._waiting: list[tuple[int, int, asyncio.Future[bool]]] = []
        self._order = itertools.count()

    async def enter(self, weight: int) -> bool:
        """Whether it may go in, after a while. False: too many wait already, or it waited too long."""
        if not self._busy:
            self._busy = True
            return True
        free: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (weight, next(self._order), free))
        waiting = [one for one in self._waiting if not one[2].done()]
        if len(waiting) > WAITING:
            max(waiting)[2].set_result(False)
        try:
            async with asyncio.timeout(PATIENCE):
                return await free
        except (TimeoutError, asyncio.CancelledError) as error:
            if free.done() and not free.cancelled() and free.result():
                self.leave()  # it was let in at the very moment
            if isinstance(error, asyncio.CancelledError):
                raise
            return False

    def leave(self) -> None:
        """Let the next one in."""
        while self._waiting:
            *_, free = heapq.heappop(self._waiting)
            if not free.done():
                free.set_result(True)
                return
        self._busy = False


class _Kept:
    """What was made up, as much as there is room for; what was not asked for the longest goes first."""

    def __init__(self) -> None:
        self._texts: OrderedDict[bytes, Markup] = OrderedDict()
        self._size = 0

    def get(self, key: bytes) -> Markup | None:
        """A text by its key."""
        if key in self._texts:
            self._texts.move_to_end(key)
        return self._texts.get(key)

    def put(self, key: bytes, text: Markup) -> None:
        """Keep a text."""
        self._size += len(text) - len(self._texts.pop(key, ""))
        self._texts[key] = text
        while self._size > KEPT:
            self._size -= len(self._texts.popitem(last=False)[1])
