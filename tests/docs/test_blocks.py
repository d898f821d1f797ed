"""Blocks that are not commands: each is what it says it is, and a configuration or a profile is right."""

from __future__ import annotations

import configparser
import json
import re
import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from docs_pages import Block, blocks, find_blocks, of_language, pages

from cache.profile.loader import read_profile
from cache.profile.problems import ProfileError
from daemon.blocks import load_blocks
from daemon.config import load

KNOWN = frozenset({
    "sh", "text", "toml", "yaml", "json", "sql", "python", "ini", "nginx", "caddyfile", "html", "http", "diff",
    "dockerfile", "javascript", "js", "logql", "promql", "markdown", "md", "caddy",
})  # fmt: skip


def of(*languages: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("block", of_language(*languages), ids=lambda block: block.label)


@pytest.mark.parametrize("page", pages())
def test_every_block_says_what_it_is(page: str) -> None:
    """What has no language is neither coloured nor checked."""
    assert not [block.label for block in blocks(page) if block.language not in KNOWN]


@of("toml")
def test_a_configuration_loads_with_its_profiles(block: Block, tmp_path: Path) -> None:
    """A part of one loads once it is put into a whole."""
    text = block.text
    given = tomllib.loads(text)
    if "data_dir" not in given:
        text = f'data_dir = "data"\n{text}'
    forge = given.get("forge")
    needed = {"url": '"https://git.example.org"', "owners": '["acme"]'}
    lacking = "".join(f"{key} = {value}\n" for key, value in needed.items() if key not in (forge or {}))
    text = text.replace("[forge]\n", f"[forge]\n{lacking}") if forge is not None else f"{text}\n[forge]\n{lacking}"
    if "profiles" not in given:
        text += '\n[[profiles]]\nuse = "rfc"\nmeta = "acme/meta"\n'
    for key, name in (forge or {}).items():
        if key.endswith("_file") and not name.startswith("/"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("a secret of the test\n")
            (tmp_path / name).chmod(0o600)
        elif key.endswith("_file"):
            text = text.replace(name, str(tmp_path / "elsewhere"))
            (tmp_path / "elsewhere").write_text("a secret of the test\n")
            (tmp_path / "elsewhere").chmod(0o600)
    (tmp_path / "forgeglass.toml").write_text(text)
    config = load(tmp_path / "forgeglass.toml", {})
    own = [profile for profile in config.profiles if "/" in profile.use or profile.use.endswith(".yaml")]
    if not own:
        load_blocks(config)


@of("yaml")
def test_yaml_is_yaml_and_a_profile_is_one(block: Block) -> None:
    documents = list(yaml.safe_load_all(block.text))
    assert documents
    for document in documents:
        if isinstance(document, dict) and "profile" in document and "format" in document:
            try:
                read_profile(block.text, block.label)
            except ProfileError as error:
                pytest.fail(str(error))


def test_json_is_json() -> None:
    for block in of_language("json"):
        assert json.loads(block.text) is not None, block.label


@of("python")
def test_python_compiles(block: Block) -> None:
    compile(block.text, block.label, "exec")


@of("ini")
def test_an_ini_file_is_one(block: Block) -> None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(block.text)
    assert parser.sections()


@of("sql")
def test_sql_is_whole(block: Block) -> None:
    """Whether its tables exist is told where a page runs it."""
    text = block.text.strip()
    assert sqlite3.complete_statement(text if text.endswith(";") else f"{text};")
    with closing(sqlite3.connect(":memory:")) as database:
        said = ""
        try:
            database.execute(f"EXPLAIN {text.rstrip(';')}")
        except sqlite3.Error as error:
            said = str(error)
        assert not said or re.match("no such (table|column)", said), f"{block.label}: {said}"


def test_blocks_are_found_where_a_reader_sees_them() -> None:
    """An indented block of a list, a fence of four, and the marks before each."""
    text = (
        "<!-- run: demo -->\n1. Do\n\n   ```sh\n   echo a\n   ```\n\n<!-- not run: why -->\n````text\n```\n````\n"
        "<!-- run: stranger -->\n```sh\necho b\n```\n"
    )
    found = [(b.line, b.language, b.text, b.place, b.section, b.not_run) for b in find_blocks("page", text)]
    assert found == [
        (5, "sh", "echo a\n", "demo", 1, None),
        (10, "text", "```\n", "demo", 1, "why"),
        (14, "sh", "echo b\n", "stranger", 2, None),
    ]


@pytest.mark.parametrize("text", ["```sh\necho\n", "<!-- not run: why -->\nwords\n"])
def test_a_block_that_never_ends_and_a_mark_without_a_block_are_mistakes(text: str) -> None:
    """A page half of which is one block is run as nobody meant it."""
    with pytest.raises(ValueError, match="page:"):
        find_blocks("page", text)
