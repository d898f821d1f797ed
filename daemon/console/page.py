"""A page as it is answered: what every one of them is given, and its headers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from aiohttp import web
from markupsafe import Markup

from cache.profile.collection import Block
from cache.queries.freshness import Freshness
from cache.viewer import PUBLIC, Viewer
from daemon.api.access import Asked
from daemon.console import assets, words
from daemon.console.addresses import ROOT, ForgePages, Here, without
from daemon.console.context import ConsoleContext
from daemon.console.templating import render

IN_THE_BAR = 6
"""So many collections have room in the bar; where there are more, the overview lists them."""

HEADERS = {**assets.POLICY, "Cache-Control": "no-cache, private", "Vary": "Accept-Encoding, Authorization, Cookie"}

_TIME = Markup('<time datetime="{}Z" title="{} UTC" data-age="{}">{}</time>')


class Pages:
    """Makes the answers to one request. Until it is known who `asked`, nobody private is spoken to."""

    def __init__(self, context: ConsoleContext, request: web.Request) -> None:
        self.request = request
        self.asked = Asked(PUBLIC)
        self.context = context
        self.here = Here.of(request.rel_url.raw_path)
        self.forge = ForgePages(context.api.forge_url)
        self.now = context.api.clock()
        self.pairs = tuple((name, value) for name, value in request.query.items() if value)
        """What the address asks; a control left empty asks nothing."""
        self.query = dict(self.pairs)

    @property
    def viewer(self) -> Viewer:
        """What whoever asks may see."""
        return self.asked.viewer

    @property
    def _told(self) -> bool:
        """Whether whoever asks is told anything, as far as it is known who asks."""
        return self.asked.credential is not None or self.context.api.access.anonymous != "none"

    @property
    def way(self) -> str:
        """This page, below the console's first: where whoever signs in comes back to."""
        raw = self.request.rel_url.raw_path.removeprefix(ROOT).lstrip("/")
        query = self.request.rel_url.raw_query_string
        return "" if raw.startswith("sign-") else f"{raw}?{query}" if query else raw

    async def answer(
        self,
        template: str,
        *,
        title: str,
        fresh: Freshness | None,
        status: int = 200,
        news: Iterable[tuple[str, str]] = (),
        **values: Any,
    ) -> web.Response:
        """A page; `fresh` says when what it shows was last confirmed, None on one that shows nothing of the cache.

        `news` are the filters of the change feed under which the page is shown anew; without any, every change does.
        Of pages that are ready at the same moment one is rendered in each iteration of the event loop: a text of a
        megabyte takes 10 ms, and whoever asks for something else is not to wait for all of them.
        """
        async with self.context.page_lock:
            await asyncio.sleep(0)  # the lock alone would be free again before the next one that is ready asks for it
            raw = self._html(template, title=title, fresh=fresh, news=news, **values)
        response = web.Response(body=raw, status=status, headers=HEADERS, content_type="text/html", charset="utf-8")
        response.enable_compression()
        return response

    def _html(
        self, template: str, *, title: str, fresh: Freshness | None, news: Iterable[tuple[str, str]], **values: Any
    ) -> bytes:
        return render(
            template,
            title=title,
            fresh=fresh,
            here=self.here,
            forge=self.forge,
            now=self.now,
            query=self.query,
            view=self.view,
            events=self.here.api("events", news),
            time=self.time,
            asked=self.asked,
            anonymous=self.context.api.access.anonymous,
            way=self.way,
            versions=assets.versions(),
            version=self.context.api.version,
            bar=self._bar(self.context.api.blocks()) if self._told else [],
            interval=self.context.api.sweep_interval.total_seconds(),
            **values,
        )

    def view(self, *names: str, **changed: str | None) -> str:
        """The address of this view with some of its parameters left out or put to others; its page begins anew."""
        return self.here.page + without(self.pairs, "cursor", "before", *names, **changed)

    def time(self, moment: datetime | None, otherwise: str = "never") -> Any:
        """A moment by how long ago it is, and in full for whoever points at it."""
        if moment is None:
            return otherwise
        seconds = int((self.now - moment).total_seconds())
        whole = f"{moment:%Y-%m-%d %H:%M:%S}"
        return _TIME.format(whole.replace(" ", "T"), whole, seconds, words.when(moment, self.now))

    def _bar(self, blocks: Sequence[Block]) -> list[tuple[str, str]]:
        """The collections in the bar: words and address. A name that two blocks have is told with its block."""
        all_of_them = [collection for block in blocks for collection in block.collections]
        if len(all_of_them) > IN_THE_BAR:
            return [("Collections", f"{self.here.to('')}#collections")]
        names = [one.name for one in all_of_them]
        return [
            (one.name if names.count(one.name) == 1 else f"{one.block}/{one.name}",
             self.here.collection(one.block, one.name))
            for one in all_of_them
        ]  # fmt: skip
