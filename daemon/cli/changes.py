"""`forgeglass changes`: what changed, from the change feed; with `--follow` as it happens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from daemon.cli.command import Context
    from daemon.cli.feed_client import FeedClient, RefusedError
    from daemon.cli.feed_local import LocalFeed

SHOWN = 20
"""Changes that are shown where nobody says from where on."""
MOST = 200
"""Changes of one page."""
KINDS = ("entry", "branch", "pull", "revision", "proposal", "finding", "repository")
OPERATIONS = ("created", "updated", "deleted")
FILTERS = ("block", "collection", "key", "kind", "operation", "repository")
UNREADABLE = 3
TOKEN_VARIABLE = "FORGEGLASS_TOKEN"  # noqa: S105 - the variable's name
"""Names the environment variable with a token of `forgeglass token create`, for asking another machine's daemon."""


@click.command()
@click.option("--follow", "-f", is_flag=True, help="Go on with what happens, until Ctrl-C.")
@click.option("--since", metavar="POSITION", help="Begin after this position.")
@click.option("--from-start", is_flag=True, help="Begin with the oldest change that is kept.")
@click.option("--limit", type=click.IntRange(1), help=f"End after so many.  [default: the newest {SHOWN}]")
@click.option("--block", multiple=True, help="Only of this block; may be repeated, as all filters.")
@click.option("--collection", multiple=True, help="Only of this collection.")
@click.option("--key", multiple=True, help="Only of the entry with this key.")
@click.option("--kind", multiple=True, type=click.Choice(KINDS), help="Only of this kind.")
@click.option("--operation", multiple=True, type=click.Choice(OPERATIONS), help="Only what was so changed.")
@click.option("--repository", multiple=True, help="Only of this repository, OWNER/NAME.")
@click.option("--url", metavar="URL", help="Ask the Forgeglass at this address, not the one of the configuration.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object; with --follow one for each change, on its own line."
)
@click.pass_obj
def changes(
    context: Context, /, follow: bool, since: str | None, from_start: bool, limit: int | None, url: str | None,
    as_json: bool, **filters: tuple[str, ...],
) -> None:  # fmt: skip
    """Show what changed; with --follow, as it happens.

    At the end the position to resume from (--since) is told on standard error.
    """
    if since is not None and from_start:
        raise click.UsageError("--since and --from-start both say where to begin; keep one")
    if limit is not None and limit > MOST and not (since or from_start or follow):
        raise click.UsageError(f"the newest {MOST} at most; with --since or --from-start there may be more")
    pairs = [(name, value) for name in FILTERS for value in filters[name]]
    reading = _Reading(context, url, pairs, since, from_start, limit, as_json or context.as_json)
    sys.exit(_ended(reading.follow if follow else reading.show, reading))


class _Reading:
    """One run of the command; `place` is the position to resume from, as far as it got."""

    def __init__(
        self, context: Context, url: str | None, pairs: list[tuple[str, str]], since: str | None, from_start: bool,
        limit: int | None, as_json: bool,
    ) -> None:  # fmt: skip
        self.place: str | None = None
        self._config = context.config() if url is None else None
        self.url = url if url is not None else _address(self._config)
        self._pairs, self._since, self._from_start = pairs, since, from_start
        self._limit, self._as_json = limit, as_json

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[FeedClient]:
        import aiohttp

        from daemon.cli.feed_client import FeedClient

        async with aiohttp.ClientSession() as session:
            yield FeedClient(session, self.url, self._token)

    async def _token(self) -> str | None:
        """The token to show: FORGEGLASS_TOKEN, else one that our own daemon lends to whoever may use its socket."""
        from daemon.cli.run import SOCKET
        from daemon.control import CommandError, NotRunningError, run_remote

        if given := os.environ.get(TOKEN_VARIABLE):
            return given
        if self._config is None:
            return None
        try:
            lent, _ = await run_remote(self._config.data_dir / SOCKET, "local-token", {}, lambda _progress: None)
        except (NotRunningError, CommandError):
            return None
        return str(lent["token"])

    async def show(self) -> None:
        """Print what there is: asked of the daemon, or read here where none runs."""
        from daemon.cli.feed_client import UnreachableError

        async with self._client() as client:
            try:
                await self._show(client)
            except UnreachableError as error:
                if self._config is None or error.answered or self.place is not None:
                    raise
            else:
                return
        from daemon.cli.feed_local import local_feed

        async with local_feed(self._config, self.url) as feed:
            await self._show(feed)

    async def _show(self, feed: FeedClient | LocalFeed) -> None:
        if self._since is None and not self._from_start:
            page = await feed.page([*self._pairs, ("last", str(self._limit or SHOWN))])
            self._print_page(page["items"])
        else:
            page = await self._walk(feed)
        self.place = page["next"]
        if self._as_json:
            click.echo(msgspec.json.encode(page).decode())

    async def _walk(self, feed: FeedClient | LocalFeed) -> dict[str, Any]:
        kept: list[Any] = []
        left, place = self._limit, self._since
        while True:
            asked = MOST if left is None else min(left, MOST)
            after = [] if place is None else [("after", place)]
            page = await feed.page([*self._pairs, *after, ("limit", str(asked))])
            self._print_page(page["items"])
            kept += page["items"] if self._as_json else ()
            self.place = place = page["next"]
            left = None if left is None else left - len(page["items"])
            if left == 0 or len(page["items"]) < asked:
                return {**page, "items": kept}

    def _print_page(self, items: list[Any]) -> None:
        if not self._as_json:
            for change in items:
                self._print(change)

    def _print(self, change: Mapping[str, Any]) -> None:
        from daemon.api.telling import line

        click.echo(msgspec.json.encode(change).decode() if self._as_json else line(change))

    async def follow(self) -> None:
        """Print what happens, over lost connections, until enough is printed or somebody stops it."""
        from daemon.cli.feed_client import UnreachableError
        from daemon.cli.following import Follower
        from daemon.cli.run import Expected

        self.place = self._since
        async with self._client() as client:
            try:
                if self._from_start:
                    self.place = _before(await client.page([("limit", "1")]))
                follower = Follower(client, self._pairs, self.place, self._print, _note, asyncio.sleep)
                try:
                    await follower.run(self._limit)
                finally:
                    self.place = follower.place
            except UnreachableError as error:
                if error.answered:
                    raise
                remedy = "start it with `forgeglass serve`, or name another with --url"
                raise Expected(f"no daemon runs at {self.url} ({error}); {remedy}", UNREADABLE) from None


def _before(page: Mapping[str, Any]) -> str:
    """The position before the first change that is kept."""
    items = page["items"]
    return f"{page['epoch']}:{items[0]['sequence'] - 1}" if items else str(page["next"])


def _address(config: Any) -> str:
    host, port = config.listen.host, config.listen.port
    if port == 0:
        raise click.UsageError("listen has no fixed port; name the daemon's address with --url")
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared with, not listened on
    return f"http://[{here}]:{port}" if ":" in here else f"http://{here}:{port}"


def _note(text: str) -> None:
    click.echo(f"forgeglass: {text}", err=True)


def _ended(work: Callable[[], Coroutine[Any, Any, None]], reading: _Reading) -> int:
    """Run it, say where to resume, and turn what a person can mend into one line. Returns the exit code."""
    from daemon.cli.feed_client import RefusedError, UnreachableError
    from daemon.cli.run import Expected, guarded

    code = 0
    try:
        code = guarded(lambda: asyncio.run(_until_stopped(work)))
    except RefusedError as error:
        _note(_said(error, reading.url))
        return 2 if error.status in (0, 400) else UNREADABLE
    except UnreachableError as error:
        remedy = "ask again in a moment" if error.answered else "check the address, or start it with `forgeglass serve`"
        what = "cannot answer now" if error.answered else "does not answer"
        _note(f"{reading.url} {what} ({error}); {remedy}")
        code = UNREADABLE
    except Expected as error:
        if isinstance(error.__context__, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on, as `| head` does
            return 0
        _note(str(error))
        code = error.code
    if reading.place is not None:
        _note(f"resume with --since {reading.place}")
    return code


def _said(error: RefusedError, url: str) -> str:
    if not error.kind:
        return f"{url}: {error.detail}; name the address of one with --url"
    if error.kind == "bad-position":
        return "--since is no position; give one as it was told, EPOCH:SEQUENCE"
    if error.kind != "resync":
        return error.detail.rstrip(".")
    since = f" (--since {error.position})" if error.position else ""
    return f"{error.detail.rstrip('.')}{since}, or print all that is kept (--from-start)"


async def _until_stopped(work: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Run it until it ends or a signal stops it: 0, or 128 and the signal's number."""
    stopped = 0
    task = asyncio.ensure_future(work())

    def stop(number: int) -> None:
        nonlocal stopped
        stopped = 128 + number
        task.cancel()

    with contextlib.suppress(ValueError, RuntimeError):  # not the main thread: whoever runs it there stops it
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop, number)
    try:
        await task
    except asyncio.CancelledError:
        if not stopped:
            raise
    return stopped
