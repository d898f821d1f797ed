"""The demo's run: the stand-in, then Forgeglass on it, then the people at work, until somebody says stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cache.rows import EntryRow, FindingRow, PullRow, RefRow
from daemon.blocks import load_blocks
from daemon.config import load
from daemon.config.secret_files import read_secrets
from daemon.demo.entries import ORGANIZATION
from daemon.demo.guide import guide
from daemon.demo.organisation import DemoClock, plant
from daemon.demo.place import Place, prepared, write_files
from daemon.demo.trickle import Trickle
from daemon.logs import set_up
from daemon.logs_redaction import Redactor
from daemon.serving import Served, serving
from gitea_client.fake import StandIn

Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """`port` and `forge_port` 0 choose a free one; `seconds` None runs until told to stop; `still` changes nothing."""

    root: Path
    port: int = 0
    forge_port: int = 0
    still: bool = False
    pause: float = 4.0
    """Seconds between two changes, on average."""
    seconds: float | None = None
    seed: int = 1


@dataclass(frozen=True)
class Demo:
    """What runs."""

    place: Place
    forge: StandIn
    served: Served
    trickle: Trickle


async def run(options: Options, say: Say) -> None:
    """Run until SIGINT or SIGTERM, or for `options.seconds`.

    Raises PlaceError, LockedError, and OSError where a port is taken.
    """
    stop = asyncio.Event()
    with _signals(stop):
        async with demo(options, say) as made:
            work = None if options.still else asyncio.create_task(made.trickle.run(options.pause), name="demo-trickle")
            try:
                await _told(stop, options.seconds, work)
            finally:
                if work is not None:
                    work.cancel()
                    await asyncio.gather(work, return_exceptions=True)
            say("stopping")
    say("stopped")


async def _told(stop: asyncio.Event, seconds: float | None, work: asyncio.Task[None] | None) -> None:
    """Wait for the end; a trickle that fails ends the demo with its error."""
    waiter = asyncio.create_task(stop.wait(), name="demo-stop")
    try:
        await asyncio.wait({waiter, work} if work else {waiter}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if work is not None and work.done():
            work.result()
    finally:
        waiter.cancel()
        await asyncio.gather(waiter, return_exceptions=True)


@asynccontextmanager
async def demo(options: Options, say: Say) -> AsyncIterator[Demo]:
    """Everything started, the first sweep done, the guide said."""
    async with AsyncExitStack() as stack:
        place = stack.enter_context(prepared(options.root))
        clock = DemoClock()
        say("starting a stand-in forge and planting an organisation…")
        forge = await stack.enter_async_context(StandIn(place.forge, clock=clock, port=options.forge_port))
        await plant(forge, clock)
        clock.let_go()
        forge.create_user("reader")
        write_files(place, forge_url=forge.url, token=forge.token_of("reader"), password=forge.token, port=options.port)
        say("starting Forgeglass on it…")
        served = await _forgeglass(stack, place)
        secret = place.secret.read_text().strip()
        forge.add_hook(ORGANIZATION, f"{served.url}/webhooks/gitea", secret)
        await served.schedule.first.wait()
        say(await counted(served))
        say(guide(place, url=served.url, forge_url=forge.url))

        def tell(what: str) -> None:
            say(f"{datetime.now():%H:%M:%S}  {what}")  # noqa: DTZ005 # as the person's own clock shows it

        yield Demo(place, forge, served, Trickle(forge, random.Random(options.seed), tell))


async def _forgeglass(stack: AsyncExitStack, place: Place) -> Served:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FORGEGLASS_")}
    config = load(place.config, environ)
    secrets = read_secrets(config, environ)
    redactor = Redactor(secrets.given())
    stream = stack.enter_context(place.log.open("a", buffering=1))
    set_up(stream, redactor, level=config.log.level, form="json")
    return await stack.enter_async_context(serving(config, secrets, load_blocks(config), redactor, spacing=0.2))


async def counted(served: Served) -> str:
    """One line on what the cache holds."""
    rows = await served.engine.store.load((EntryRow, RefRow, PullRow, FindingRow))
    branches = sum(isinstance(row, RefRow) and row.name.startswith("refs/heads/") for row in rows[RefRow].values())
    return (
        f"read {len(served.engine.desk.book.world.mirrored)} repositories: {len(rows[EntryRow])} entries, "
        f"{branches} branches, {len(rows[PullRow])} pull requests, {len(rows[FindingRow])} findings"
    )


@contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in numbers:
            with contextlib.suppress(ValueError):
                loop.remove_signal_handler(number)
