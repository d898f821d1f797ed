"""A block of the shipped `rfc` profile, and a way to write a small profile in a test."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent, indent

import pytest

from cache.profile.block import Block, Collection, bind, load_profile
from cache.profile.entry import Record, parse_file
from cache.profile.loader import read_profile


@pytest.fixture(scope="session")
def rfc() -> Block:
    return bind(load_profile("rfc"), parameters={"meta": "acme/meta", "bot": "robot"})


@pytest.fixture(scope="session")
def rfcs(rfc: Block) -> Collection:
    return rfc.collection("rfcs")


@pytest.fixture
def collection() -> Callable[..., Collection]:
    """A collection with the given fields (YAML), in `docs/{slug}.md` or as its other keys say."""

    def build(fields: str = "{}", path: str = "docs/{slug}.md", key: str = "[slug]", more: str = "") -> Collection:
        text = dedent(
            f"""\
            format: 1
            profile: sample
            collections:
              docs:
                files: {{repository: acme/docs, path: "{path}"}}
                key: {key}
            """
        )
        text += indent(dedent(more), "    ") + "\n    fields:\n" + indent(dedent(fields), "      ")
        return bind(read_profile(text)).collection("docs")

    return build


@pytest.fixture
def parse() -> Callable[[Collection, bytes | str], Record]:
    """The one record of a file called `docs/one.md`, or whatever gives the captures."""

    def one(collection: Collection, content: bytes | str, **captures: str) -> Record:
        data = content if isinstance(content, bytes) else content.encode()
        (record,) = parse_file(collection, "docs/one.md", data, captures or {"slug": "one"})
        return record

    return one
