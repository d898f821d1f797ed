"""The Atom feed, held against RFC 4287 by a checker that knows nothing of how it is made."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest
from api_rows import NOW, entry, note, place, pull, repository, sha
from api_server import Cache, Client
from hypothesis import given
from hypothesis import strategies as st

from daemon.api.atom import Page, document
from daemon.api.problems import TYPE

ATOM = "{http://www.w3.org/2005/Atom}"
KNOWN = {
    "feed": {"id", "title", "updated", "author", "generator", "link", "entry"},
    "entry": {"id", "title", "updated", "link", "content", "category"},
}
"""What may stand in each (RFC 4287, sections 4.1.1 and 4.1.2), as far as we say it."""


def check(raw: bytes) -> ET.Element:
    """The feed, parsed; fails where a MUST of RFC 4287 is not kept."""
    feed = ET.fromstring(raw)
    assert feed.tag == f"{ATOM}feed"
    for element, name in [(feed, "feed"), *((one, "entry") for one in feed.findall(f"{ATOM}entry"))]:
        assert {child.tag.removeprefix(ATOM) for child in element} <= KNOWN[name]
        for single in ("id", "title", "updated"):
            assert len(element.findall(f"{ATOM}{single}")) == 1, f"exactly one {single}"
        identity = element.findtext(f"{ATOM}id") or ""
        assert re.fullmatch(r"urn:[a-z0-9][a-z0-9-]{1,31}:[A-Za-z0-9:%._~-]+", identity), "an absolute IRI (4.2.6)"
        moment = element.findtext(f"{ATOM}updated") or ""
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", moment), "RFC 3339, capital T and Z (3.3)"
        assert datetime.fromisoformat(moment).tzinfo is not None
        kinds = [(link.get("rel"), link.get("type")) for link in element.findall(f"{ATOM}link")]
        assert len([kind for kind in kinds if kind[0] == "alternate"]) == 1, "at most one of each type; here one"
        for link in element.findall(f"{ATOM}link"):
            assert urlsplit(link.attrib["href"]).scheme in ("http", "https"), "readers do not resolve relative ones"
    assert feed.findtext(f"{ATOM}author/{ATOM}name"), "entries without an author need the feed's (4.1.1)"
    assert [link.get("href") for link in feed.findall(f"{ATOM}link") if link.get("rel") == "self"], "SHOULD (4.1.1)"
    identities = [one.findtext(f"{ATOM}id") for one in feed.findall(f"{ATOM}entry")]
    assert len(identities) == len(set(identities))
    return feed


async def read(client: Client, path: str = "", **headers: str) -> tuple[Any, ET.Element]:
    address = path if path.startswith("http") else f"{client.root}/api/v1/changes.atom{path}"
    async with client.session.get(address, headers=headers) as response:
        assert response.status == 200, await response.text()
        return response.headers, check(await response.read())


def link(element: ET.Element, relation: str) -> str | None:
    return next((one.get("href") for one in element.findall(f"{ATOM}link") if one.get("rel") == relation), None)


def entries(feed: ET.Element) -> list[ET.Element]:
    return feed.findall(f"{ATOM}entry")


async def test_the_newest_change_stands_first_and_says_what_happened(client: Client, cache: Cache) -> None:
    await cache.put(entry("beta", title="Better", commit=sha(77)))
    headers, feed = await read(client)
    assert headers["Content-Type"] == "application/atom+xml"
    newest = entries(feed)[0]
    assert newest.findtext(f"{ATOM}title") == "rfc/rfcs beta updated: title, valid"
    assert newest.findtext(f"{ATOM}id") == f"urn:forgeglass:change:e1:{cache.store.sequence}"
    assert newest.findtext(f"{ATOM}updated") == feed.findtext(f"{ATOM}updated") == f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
    assert [one.get("term") for one in newest.findall(f"{ATOM}category")] == ["entry", "updated"]
    assert link(newest, "alternate") == f"https://forge.example/acme/meta/commit/{sha(77)}"
    assert link(newest, "related") == f"{client.root}/api/v1/rfc/rfcs/beta"
    assert [item["sequence"] for item in (await client.get("/changes"))["items"]][::-1] == [
        int((one.findtext(f"{ATOM}id") or "").rpartition(":")[2]) for one in entries(feed)
    ]


async def test_every_kind_of_change_leads_to_a_page(client: Client, cache: Cache) -> None:
    await cache.put(pull(9), place(9, "beta"), repository(9, "acme/new"))
    await cache.remove(note("2026/x"))
    _, feed = await read(client)
    pages = {
        tuple(category.get("term") for category in one.findall(f"{ATOM}category")): link(one, "alternate")
        for one in reversed(entries(feed))
    }
    assert pages["pull", "created"] == "https://forge.example/acme/meta/pulls/9"
    assert pages["repository", "created"] == "https://forge.example/acme/new"
    finding = pages["finding", "created"]
    assert finding is not None
    assert finding.startswith("https://forge.example/acme/meta/commit/")


async def test_a_change_without_a_page_of_the_forge_leads_to_itself(open_client: Client, cache: Cache) -> None:
    client = open_client
    await cache.put(entry("lost", repository_id=99))
    _, feed = await read(client)
    address = link(entries(feed)[0], "alternate")
    assert address is not None
    found = await client.get(address.removeprefix(f"{client.root}/api/v1"))
    assert [item["key"] for item in found["items"]] == ["lost"]


async def test_filters_are_those_of_changes(client: Client) -> None:
    for query in ("?kind=branch", "?collection=rfcs&kind=entry", "?repository=acme/alpha", "?operation__ne=created"):
        _, feed = await read(client, query)
        items = (await client.get(f"/changes{query}"))["items"]
        assert len(entries(feed)) == len(items)
        assert query.removeprefix("?").replace("&", ", ") in (feed.findtext(f"{ATOM}title") or "")
    problem = await client.get("/changes.atom?knd=entry", status=400)
    assert problem["type"] == f"{TYPE}unknown-parameter"
    assert "kind" in problem["detail"]
    for name in ("after", "epoch", "wait", "cursor"):
        assert (await client.get(f"/changes.atom?{name}=1", status=400))["type"] == f"{TYPE}unknown-parameter"


async def test_pages_make_the_whole_and_keep_the_filter(client: Client) -> None:
    whole = [one.findtext(f"{ATOM}id") for one in entries((await read(client, "?limit=200&kind__ne=branch"))[1])]
    found: list[str | None] = []
    address: str | None = f"{client.root}/api/v1/changes.atom?kind__ne=branch&limit=4"
    while address is not None:
        _, feed = await read(client, address)
        assert link(feed, "self") == address
        assert link(feed, "first") == f"{client.root}/api/v1/changes.atom?kind__ne=branch&limit=4"
        found += [one.findtext(f"{ATOM}id") for one in entries(feed)]
        address = link(feed, "next")
    assert found == whole
    assert len(found) > 4


async def test_two_feeds_are_never_taken_for_one(client: Client, cache: Cache) -> None:
    """Readers know a feed by its id: filtered ones would overwrite each other."""
    identities = [(await read(client, query))[1].findtext(f"{ATOM}id") for query in ("", "?kind=entry", "?limit=3")]
    assert identities[0] == identities[2] != identities[1]
    cache.epoch = "e2"
    assert (await read(client))[1].findtext(f"{ATOM}id") != identities[0]


async def test_a_reader_who_has_it_gets_304(client: Client, cache: Cache) -> None:
    headers, _ = await read(client)
    await client.answer("/changes.atom", status=304, headers={"If-None-Match": headers["ETag"]})
    await cache.put(entry("beta", title="Better"))
    assert (await read(client, **{"If-None-Match": headers["ETag"]}))[0]["ETag"] != headers["ETag"]


async def test_an_empty_feed_is_a_feed(client: Client) -> None:
    _, feed = await read(client, "?key=nothing")
    assert entries(feed) == []
    assert feed.findtext(f"{ATOM}updated") == "1970-01-01T00:00:00Z", "what nobody changed must not look changed"


async def test_a_place_in_another_epoch_is_told(client: Client) -> None:
    assert (await client.get("/changes.atom?before=e0:3", status=410))["type"] == f"{TYPE}resync"
    assert (await client.get("/changes.atom?before=x", status=400))["type"] == f"{TYPE}bad-position"


async def test_addresses_are_as_others_reach_us(client: Client, cache: Cache) -> None:
    """A feed reader asks again at what `self` says: behind a proxy that must be the proxy's address."""
    from api_server import serve

    async for running in serve(cache.context(public_url="https://cache.example/forge")):
        other = Client(client.session, running.root)
        _, feed = await read(other, "?limit=1")
        assert link(feed, "self") == "https://cache.example/forge/api/v1/changes.atom?limit=1"
        assert (link(feed, "next") or "").startswith("https://cache.example/forge/api/v1/changes.atom?limit=1&before=")
    async with client.session.get(
        f"{client.root}/api/v1/changes.atom", headers={"Host": 'evil"><script>'}
    ) as response:
        feed = check(await response.read())
    assert link(feed, "self") == "http://localhost/api/v1/changes.atom", "a Host that is none is shown to nobody"


hostile = st.text(st.characters() | st.sampled_from("<>&\"'\x00\x0b\x1b\x7f\ufffe\uffff]"), max_size=30)


@given(key=hostile, name=hostile, repository=hostile, columns=st.lists(hostile, max_size=3), commit=hostile)
def test_no_text_of_a_repository_breaks_the_feed(
    key: str, name: str, repository: str, columns: list[str], commit: str
) -> None:
    """Names come from whoever may push; XML cannot hold every letter, escaped or not (XML 1.0, section 2.2)."""
    key, name, repository = (one.encode("utf-8", "replace").decode() for one in (key, name, repository))
    general = {
        "at": "2026-03-01T12:00:00Z", "block": "rfc", "collection": "rfcs", "key": key, "repository": repository,
        "repository_id": 1, "number": 3, "name": name, "columns": columns, "commit": commit,
    }  # fmt: skip
    items = [
        {**general, "position": f"e1:{number}", "sequence": number, "kind": kind, "operation": operation}
        for number, (kind, operation) in enumerate(
            [("entry", "updated"), ("entry", "deleted"), ("branch", "created"), ("pull", "created"),
             ("finding", "created"), ("repository", "created")]
        )
    ]  # fmt: skip
    base, forge = "https://cache.example", "https://forge.example"
    page = Page("urn:forgeglass:changes:e1", "Changes", "1", base, forge, base, base, None, base, items)
    feed = check(document(page))
    assert len(entries(feed)) == len(items)
    related = link(entries(feed)[0], "related") or ""
    assert unquote(related.removeprefix(f"{base}/api/v1/rfc/rfcs/")) == key
    hosts = {urlsplit(link(one, "alternate") or "").netloc for one in entries(feed)}
    assert hosts <= {"forge.example", "cache.example"}


@pytest.mark.parametrize("limit", ["0", "201", "x"])
async def test_a_page_has_its_length(client: Client, limit: str) -> None:
    assert (await client.get(f"/changes.atom?limit={limit}", status=400))["type"] == f"{TYPE}bad-value"
