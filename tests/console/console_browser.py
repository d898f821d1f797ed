"""A real Chromium over a whole daemon and a stand-in forge."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, async_playwright
from serving_place import META, Daemon, Place, rfc

SHOTS = Path(__file__).with_name("screenshots")
AXE = Path(__file__).with_name("vendored") / "axe.min.js"
CHROMIUM = os.environ.get("CHROMIUM", shutil.which("chromium") or "/usr/bin/chromium")
PATIENCE = 15_000
"""Milliseconds after which something awaited counts as never coming."""
USUAL: ViewportSize = {"width": 1280, "height": 900}

ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--no-first-run", "--no-default-browser-check", "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]  # fmt: skip

BODY = """\
# Why

Because **one** place is better than [many](other.md).

| what | how much |
|---|---|
| time | less |

```sh
make demo
```

<script>document.title = "taken over"</script>
![a plan](https://elsewhere.example/plan.png) [click](javascript:alert(1))
"""


class Visit:
    """A person at a browser: the context, what pages complained of, and what they asked for."""

    def __init__(self, context: BrowserContext, daemon: Daemon, place: Place) -> None:
        self.context, self.daemon, self.place = context, daemon, place
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self._free: list[Page] = []

    async def tab(self) -> Page:
        """A tab that is listened to."""
        if self._free:
            return self._free.pop()
        page = await self.context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("request", lambda request: self.asked.append(request.url))
        return page

    async def open(self, path: str = "") -> Page:
        """A page of the console in a tab of its own, once it is live."""
        page = await self.tab()
        await page.goto(f"{self.daemon.url}/console/{path}")
        await page.locator('#stream[data-state="live"]').wait_for()
        return page

    async def anew(self) -> None:
        """As somebody else would find the browser: one tab with nothing in it (a new one takes most of a second)."""
        for page in self.context.pages[1:]:
            await page.close()
        await self.context.clear_cookies()
        self._free = self.context.pages[:1]
        for page in self._free:
            await page.goto("about:blank")
            await page.emulate_media(color_scheme="light", reduced_motion="no-preference")
            await page.set_viewport_size(USUAL)
        self.complaints.clear()
        self.asked.clear()

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    async def shot(self, page: Page, name: str) -> None:
        """Keep a picture of the whole page."""
        SHOTS.mkdir(exist_ok=True)
        await page.screenshot(path=SHOTS / f"{name}.png", full_page=True)

    async def serious(self, page: Page) -> list[str]:
        """What axe finds on the page that is serious or worse."""
        if await page.evaluate("typeof axe") == "undefined":
            await page.evaluate(AXE.read_text())
        found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{page.url}: {one['id']}: {one['help']}: {node['html']}"
            for one in found["violations"] if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]  # fmt: skip

    def nothing_from_elsewhere(self) -> bool:
        """Whether every request went to our own server."""
        return all(url.startswith(f"{self.daemon.url}/") for url in self.asked)


@asynccontextmanager
async def chromium_running() -> AsyncIterator[Browser]:
    """A browser that several may use, each in a context of their own."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def visiting(browser: Browser) -> AsyncIterator[Visit]:
    """Somebody at the browser, and a daemon of their own that has read a small organisation."""
    async with Place() as place:
        await planted(place)
        async with place.daemon() as daemon:
            await daemon.sweep(deep=True)
            await place.push(broken=rfc("It reads well no longer", "actve"))
            await daemon.sweep(deep=True)
            async with looking_at(daemon, place, browser, viewport=USUAL) as visit:
                yield visit


@asynccontextmanager
async def looking_at(daemon: Daemon, place: Place, browser: Browser, **options: Any) -> AsyncIterator[Visit]:
    """Somebody at the browser; `options` are those of a context."""
    context = await browser.new_context(**options)
    yield Visit(context, daemon, place)
    await context.close()


async def planted(place: Place) -> None:
    """Four entries, one that does not read well, names that are none of ours, and pull requests: one proposes an entry,
    two changed `slow-reads`, of which one was merged and the other amended."""
    await place.push(
        **{
            "open-hub": rfc("One hub", body=BODY, owners="[ada]", tags="[core, api]", proposed_at="2026-01-05"),
            "slow-reads": rfc("Why are reads slow?", "withdrawn", owners="[ada]"),
            "trick": rfc('"<script>document.title=1</script>\u202egpj"', body="Text."),
            "broken": rfc("It once read well"),
        }
    )
    await place.forge.commit(META, {"rfcs/new-idea.md": rfc("A new idea")}, branch="propose/new-idea", author="ada")
    await place.forge.open_pull(META, head="propose/new-idea", title="Propose a new idea")
    await raised(place, "causes", "# Causes\n\nTwo of them:\n\n- the disk\n- the network\n", merged=True)
    await raised(place, "remedy", "# Causes\n\nOne of them:\n\n- the disk\n\n# Remedy\n\nA cache.\n", state="idea")
    await raised(place, "remedy", "# Causes\n\nOne of them, after all.\n", state="idea", raise_it=False)


async def raised(
    place: Place, branch: str, body: str, *, state: str = "withdrawn", merged: bool = False, raise_it: bool = True
) -> None:
    """A pull request about `slow-reads`, or another push to it."""
    file = {"rfcs/slow-reads.md": rfc("Why are reads slow?", state, body, owners="[ada]")}
    await place.forge.commit(META, file, branch=f"edit/slow-reads/{branch}", author="ada")
    if raise_it:
        number = await place.forge.open_pull(META, head=f"edit/slow-reads/{branch}", title=f"Say more of {branch}")
        if merged:
            await place.forge.merge(META, number)


def path_of(page: Page) -> str:
    """The page's address below the console."""
    return re.sub(r"^.*/console/", "", page.url)
