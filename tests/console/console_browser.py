"""A real Chromium over a whole daemon and a stand-in forge."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Page, async_playwright
from serving_place import META, Daemon, Place, rfc

SHOTS = Path(__file__).with_name("screenshots")
AXE = Path(__file__).with_name("vendored") / "axe.min.js"
CHROMIUM = os.environ.get("CHROMIUM", shutil.which("chromium") or "/usr/bin/chromium")
PATIENCE = 15_000
"""Milliseconds after which something awaited counts as never coming."""

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

    async def open(self, path: str = "") -> Page:
        """A page of the console in a tab of its own, once it is live."""
        page = await self.context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(f"{path}: {error}"))
        page.on("request", lambda request: self.asked.append(request.url))
        await page.goto(f"{self.daemon.url}/console/{path}")
        await page.locator('#stream[data-state="live"]').wait_for()
        return page

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    async def shot(self, page: Page, name: str) -> None:
        """Keep a picture of the whole page."""
        SHOTS.mkdir(exist_ok=True)
        await page.screenshot(path=SHOTS / f"{name}.png", full_page=True)

    async def serious(self, page: Page) -> list[str]:
        """What axe finds on the page that is serious or worse."""
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
async def visiting(**options: Any) -> AsyncIterator[Visit]:
    """A daemon that has read a small organisation, and a browser; `options` are those of a browser's context."""
    async with Place() as place:
        await planted(place)
        async with place.daemon() as daemon, async_playwright() as driver:
            await daemon.sweep(deep=True)
            await place.push(broken=rfc("It reads well no longer", "actve"))
            await daemon.sweep(deep=True)
            browser = await driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            try:
                context = await browser.new_context(**options)
                visit = Visit(context, daemon, place)
                yield visit
                await context.close()
            finally:
                await browser.close()


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
