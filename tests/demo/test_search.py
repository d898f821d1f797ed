"""What the README says is found, is found: by the API and in the console, on the demo that it is said of (O10).

So is what the demo breaks on purpose.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from daemon.commands import COMMANDS
from daemon.demo.entries import DANGLING
from daemon.demo.running import Demo, Options, demo

README = Path(__file__).parents[2] / "README.md"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """One demo for all: a search changes nothing."""
    with pytest.MonkeyPatch.context() as patch:  # nor does it send other tests' logs to its file
        patch.setattr("daemon.demo.running.set_up", lambda stream, redactor, **named: None)
        async with demo(Options(tmp_path_factory.mktemp("searched") / "demo", still=True), lambda line: None) as made:
            yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def session(running: Demo) -> AsyncIterator[aiohttp.ClientSession]:
    """A session with the demo's server."""
    async with aiohttp.ClientSession(running.served.url) as made:
        yield made


async def found(session: aiohttp.ClientSession, word: str, **more: str) -> list[str]:
    """The keys that a search finds, which both ways of asking must tell alike."""
    query = {"q": word, "limit": "200", **more}
    async with session.get("/api/v1/rfcs", params=query) as answer:
        assert answer.status == 200, await answer.text()
        keys = [one["key"] for one in (await answer.json())["items"]]
    async with session.get("/console/c/rfc/rfcs", params=query) as page:
        rows = re.findall(r'<tr id="row-([^"]+)"', await page.text())
    assert sorted(rows) == sorted(keys), word
    return keys


def said(entry: dict[str, Any]) -> Iterator[str]:
    """A word of each part of an entry that a search looks through: key, title, body, tags, people, enumerations."""
    yield entry["key"]
    yield re.findall(r"\w+", entry["title"])[-1].upper()
    yield re.findall(r"\w{4,}", entry["body"])[-1]
    yield entry["fields"]["state"]
    yield from (word for name in ("tags", "owners", "arbiters") for word in entry["fields"][name] or ())


async def test_the_searches_of_the_readme_find_something(session: aiohttp.ClientSession) -> None:
    examples = re.findall(r"/api/v1/rfcs\?(q=[^']+)'", README.read_text())
    assert examples
    for query in examples:
        asked = dict(pair.split("=") for pair in query.split("&"))
        assert await found(session, asked.pop("q"), **asked), query


async def test_a_search_finds_an_entry_by_all_that_it_says(session: aiohttp.ClientSession) -> None:
    async with session.get("/api/v1/rfcs?limit=200&include=body&valid=true") as answer:
        entries = (await answer.json())["items"]
    told = [one for one in entries if one["body"] and one["fields"]["tags"] and one["fields"]["owners"]]
    assert len(told) > 3
    for entry in told[:4]:
        for word in said(entry):
            assert entry["key"] in await found(session, word), word
        assert entry["key"] in await found(session, f"{entry['fields']['state']} {entry['fields']['tags'][0][:3]}")
    assert await found(session, "nothingsaysthis") == []


async def test_what_is_broken_on_purpose_is_found(running: Demo) -> None:
    """One finding each, and no more: a demo that cries wolf shows nothing."""
    result, _ = await COMMANDS["query"](
        running.served.engine, {"sql": "SELECT rule, path FROM findings ORDER BY rule"}, lambda step: None
    )
    assert [(row["rule"], row["path"]) for row in result["rows"]] == [
        ("dangling", f"rfcs/{DANGLING.slug}.md"),
        ("duplicate-key", "rfcs/twice.md"),
        ("missing-field", "rfcs/no-title.md"),
        ("not-in-enum", "rfcs/odd-state.md"),
        ("not-utf8", "rfcs/old-editor.md"),
        ("symlink", "rfcs/alias.md"),
        ("yaml-syntax", "rfcs/broken-quotes.md"),
    ]
