"""What the tests in a browser are given.

A module's tests share an event loop, a Chromium and, where they only read, a daemon and a tab: to begin all of that
takes longer than most of what they look at, and Chromium needs half a second of the processor for a new tab alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from console_browser import Visit, chromium_running, looking_at, visiting
from playwright.async_api import Browser
from structlog.testing import capture_logs


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium(nothing_left: None) -> AsyncIterator[Browser]:
    """The browser of a module."""
    async with chromium_running() as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole_module(chromium: Browser) -> AsyncIterator[Visit]:
    """The daemon that nobody writes to, and a person at it."""
    async with visiting(chromium) as visit:
        yield visit


@pytest_asyncio.fixture(loop_scope="module")
async def visit(whole_module: Visit) -> AsyncIterator[Visit]:
    """A person at a browser and a daemon; for tests that push nothing."""
    await whole_module.anew()
    with capture_logs():
        yield whole_module


@pytest_asyncio.fixture(loop_scope="module")
async def own_visit(chromium: Browser) -> AsyncIterator[Visit]:
    """A person at a browser, and a forge and a daemon of their own, to push to."""
    async with visiting(chromium) as visit:
        yield visit


@pytest_asyncio.fixture(loop_scope="module")
async def plain_visit(whole_module: Visit, chromium: Browser) -> AsyncIterator[Visit]:
    """A person whose browser runs no scripts; for tests that push nothing."""
    with capture_logs():
        daemon, place = whole_module.daemon, whole_module.place
        async with looking_at(daemon, place, chromium, java_script_enabled=False) as visit:
            yield visit
