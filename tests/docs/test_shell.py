"""The shell that runs pages: it must fail where a reader would be stuck, and only there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs_pages import find_blocks
from docs_shell import Addresses, environment, line_of_script, run, script

WHERE = Addresses("http://127.0.0.1:1", {"8088": "127.0.0.1:2", "3000": "127.0.0.1:3"})


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="d") as name:
        yield Path(name)


async def page(place: Path, text: str) -> tuple[int, str]:
    blocks = find_blocks("page", f"<!-- run: stranger -->\n\n```sh\n{text}```\n")
    return await run(script(blocks, WHERE), place, environment(place, WHERE, PAGE="page"), seconds=30)


async def test_what_fails_is_named_with_its_line(place: Path) -> None:
    """Whoever breaks a page must not have to look for where."""
    code, said = await page(place, "true\ncat no-such-file\necho after\n")
    assert code != 0
    assert "page:5: failed" in said
    assert "after" not in said


@pytest.mark.parametrize("text", ["false | cat\n", "x=$(false)\n", "nosuchcommand\n", "(exit 3)\n"])
async def test_every_way_to_fail_is_a_failure(place: Path, text: str) -> None:
    """A pipe, an assignment or a part of a line may not hide one."""
    code, _ = await page(place, text)
    assert code != 0


async def test_an_exit_code_that_the_page_tells_is_awaited(place: Path) -> None:
    """`hooks sync` says with 1 that there is something to do: that is what the reader shall see."""
    assert (await page(place, "bash -c 'exit 1'   # says so: exit code 1\necho on\n"))[0] == 0
    code, said = await page(place, "true  # says so: exit code 1\n")
    assert code != 0
    assert "the page says 1" in said


async def test_a_line_sees_what_those_before_it_did(place: Path) -> None:
    """One shell for a page: variables, folders and files stay."""
    code, said = await page(place, "mkdir one\ncd one\nname=two\ntouch $name\nls\n")
    assert (code, said) == (0, "two\n")


async def test_what_hangs_is_ended_and_told(place: Path) -> None:
    blocks = find_blocks("page", "<!-- run: demo -->\n```sh\nread -r line < <(sleep 60)\n```\n")
    code, said = await run(script(blocks, WHERE), place, environment(place, WHERE, PAGE="page"), seconds=0.5)
    assert code == 124
    assert "was not done" in said


@pytest.mark.parametrize(
    ("line", "run_as"),
    [
        ("curl -s https://git.example.org/api", "curl -s http://127.0.0.1:1/api"),
        ("curl -s http://127.0.0.1:8088/readyz", "curl -s http://127.0.0.1:2/readyz"),
        ("curl -s http://localhost:3000/", "curl -s http://127.0.0.1:3/"),
        (".venv/bin/forgeglass sweep", "forgeglass sweep"),
        ("  # Ctrl-C in the first terminal", "  stop_daemons"),
        ("forgeglass hooks list  # drift: exit code 1", "exits 1 forgeglass hooks list"),
        ("echo 127.0.0.1:9999", "echo 127.0.0.1:9999"),
    ],
)
def test_addresses_and_remarks_become_those_of_the_test(line: str, run_as: str) -> None:
    assert line_of_script(line, WHERE) == run_as
