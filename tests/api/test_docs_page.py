"""The API as a page: whole, harmless whatever a profile says, and of use without network and script."""

from __future__ import annotations

import re
import shlex
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from api_rows import notes_block, sample_blocks
from api_server import Cache, Client, serve
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.api import docs
from daemon.api.docs_page import page
from daemon.api.openapi import describe
from daemon.api.problems import TYPE

VOID = {"meta", "link", "br"}
CLOSED_BY_THEMSELVES = {"li", "td", "th", "tr", "p"}
"""Elements whose end HTML lets one leave out."""
BASE = "https://cache.example/forge"


class Reader(HTMLParser):
    """What a browser makes of a page: elements, ids, links, text; fails on a tag that closes nothing."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.code: list[str] = []
        self.feed(text)
        self.close()
        assert [tag for tag in self.open if tag not in CLOSED_BY_THEMSELVES] == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open[-1] != tag:
            assert self.open.pop() in CLOSED_BY_THEMSELVES, f"</{tag}> closes what is not open"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if "pre" in self.open and data.strip():
            self.code.append(data)

    def attributes(self, name: str) -> list[str]:
        return [value for _, found in self.elements if (value := found.get(name)) is not None]


def read(base: str = BASE, blocks: Any = None) -> Reader:
    return Reader(page(describe(blocks or sample_blocks(), "1.2.3"), base))


def test_every_operation_parameter_and_schema_is_on_it() -> None:
    document = describe(sample_blocks(), "1")
    found = read()
    said = " ".join(found.text)
    for address in document["paths"]:
        assert address in said
    for name in document["components"]["schemas"]:
        assert f"schema-{name}" in found.attributes("id")
    for parameter in document["components"]["parameters"].values():
        name, _, operator = parameter["name"].partition("__")
        assert name in said
        assert f"__{operator}" in said
    assert "1.2.3" in said


def test_every_link_leads_somewhere() -> None:
    found = read()
    ids = found.attributes("id")
    assert len(ids) == len(set(ids))
    leading = found.attributes("href")
    outside = {href for href in leading if not href.startswith("#")}
    console = {"../../console/", "../../console/static/icon.svg"}
    assert outside == {"docs.css", "openapi.json", "changes.atom", *console}, "relative: right below any path"
    assert {href[1:] for href in leading if href.startswith("#")} <= set(ids)


def test_what_differs_only_in_its_address_is_told_once() -> None:
    found = read()
    assert found.attributes("id").count("op-list.rfcs") == 1
    assert "op-list.rfc.rfcs" not in found.attributes("id")
    assert "/api/v1/rfc/rfcs" in " ".join(found.text), "but both addresses are told"


def test_examples_are_commands_with_the_address_that_others_use() -> None:
    for example in (line for code in read("https://a.example/it's $HOME").code for line in code.splitlines()):
        words = shlex.split(example)
        assert words[0] == "curl"
        assert words[-1].startswith("https://a.example/it's $HOME/api/v1/"), "nothing in it is the shell's"
    whole = "\n".join(read().code)
    assert f"curl -s '{BASE}/api/v1/rfcs?limit=5'" in whole
    assert f"curl -s '{BASE}/api/v1/rfcs?format=csv'" in whole
    assert f"curl -N {BASE}/api/v1/events" in whole
    assert f"{BASE}/api/v1/rfcs/KEY" in whole


@settings(max_examples=examples(25))
@given(st.text(st.sampled_from("<>&\"'`/= \x00ab") | st.characters(exclude_categories=["Cs"]), max_size=40))
def test_what_a_profile_says_stays_text(hostile: str) -> None:
    """Titles, values and descriptions come from a file that others write; the page must not become theirs."""
    evil = f"<script>{hostile}</script><img src=x onerror={hostile}>"
    block = notes_block()
    notes = block.collections[0]
    fields = tuple(
        msgspec.structs.replace(field, values=(evil, "low")) if field.name == "level" else field
        for field in notes.fields
    )
    changed = msgspec.structs.replace(notes, title=evil, fields=fields)
    found = read(blocks=[msgspec.structs.replace(block, collections=(changed,))])
    assert {tag for tag, _ in found.elements} <= TAGS
    assert not [name for _, attributes in found.elements for name in attributes if name.startswith("on")]


TAGS = {
    "html", "head", "meta", "title", "link", "body", "header", "h1", "h2", "h3", "small", "p", "a", "nav", "ul", "li",
    "main", "section", "article", "span", "code", "pre", "details", "summary", "div", "table", "thead", "tbody", "tr",
    "th", "td",
}  # fmt: skip


def test_it_is_made_of_what_works_without_a_script() -> None:
    found = read()
    tags = {tag for tag, _ in found.elements}
    assert tags <= TAGS
    assert "style" not in {name for _, attributes in found.elements for name in attributes}, "the policy forbids it"
    assert found.attributes("lang") == ["en"]
    assert [tag for tag, _ in found.elements].count("main") == 1
    headings = [int(tag[1]) for tag, _ in found.elements if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(headings)), "none is left out"


async def test_the_page_is_served_under_a_policy_that_lets_nothing_in(client: Client) -> None:
    async with client.session.get(f"{client.root}/api/v1/docs") as response:
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        policy = response.headers["Content-Security-Policy"]
        assert policy.split("; ")[:2] == ["default-src 'none'", "style-src 'self'"]
        assert "unsafe" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert f"{client.root}/api/v1/rfcs" in await response.text()
        tag = response.headers["ETag"]
    await client.answer("/docs", status=304, headers={"If-None-Match": tag})
    async with client.session.get(f"{client.root}/api/v1/docs.css") as response:
        assert response.headers["Content-Type"] == "text/css; charset=utf-8"
        style = await response.text()
    assert "prefers-color-scheme: dark" in style
    assert "url(" not in style, "nothing is loaded"
    assert "@import" not in style
    assert (await client.get("/docs?x=1", status=400))["type"] == f"{TYPE}unknown-parameter"


async def test_the_page_follows_the_profiles_and_the_address(client: Client, cache: Cache) -> None:
    """It is kept between requests: a page of before would describe what is not there."""

    async def said(root: str, **headers: str) -> str:
        async with client.session.get(f"{root}/api/v1/docs", headers=headers) as response:
            assert response.status == 200
            return await response.text()

    assert "/api/v1/notes" in await said(client.root)
    assert "http://other.example/api/v1/rfcs" in await said(client.root, Host="other.example")
    cache.blocks = cache.blocks[:1]
    assert "/api/v1/notes" not in await said(client.root)
    assert "<script>" not in await said(client.root, Host="<script>")
    async for running in serve(cache.context(public_url=BASE)):
        assert f"{BASE}/api/v1/rfcs" in await said(running.root, Host="other.example")


@pytest.mark.parametrize("path", ["/docs", "/docs.css", "/changes.atom"])
async def test_no_collection_hides_it(client: Client, cache: Cache, path: str) -> None:
    """A collection may be called docs; it is then read with its block before it."""
    rfc, notes = cache.blocks
    named = msgspec.structs.replace(notes.collections[0], name="docs")
    cache.blocks = (rfc, msgspec.structs.replace(notes, collections=(named, *notes.collections[1:])))
    async with client.session.get(f"{client.root}/api/v1{path}") as response:
        assert response.status == 200
        assert response.content_type in ("text/html", "text/css", "application/atom+xml")
    await client.get("/notes/docs")


def test_the_stylesheet_stands_beside_the_module() -> None:
    """The wheel takes what is in the package; a file elsewhere would be missing there."""
    assert Path(docs.__file__).with_name("docs.css").is_file()
