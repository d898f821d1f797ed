"""Every command in the documents is run, page by page, as a reader would."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs_pages import Block, blocks, of_language, pages
from docs_places import running_demo, stranger
from docs_shell import addresses, environment, run, script

SHELL = ("sh", "bash", "console")
PLACES = ("demo", "stranger")

SECTIONS = {
    f"{block.page}-{block.section}-{block.place}": (block.page, block.section, block.place)
    for block in of_language(*SHELL)
    if block.place is not None and block.not_run is None
}


def section(name: str) -> list[Block]:
    page, number, _ = SECTIONS[name]
    return [b for b in blocks(page) if b.language in SHELL and b.section == number and b.not_run is None]


def in_place(place: str) -> list[str]:
    return [name for name, (_, _, where) in SECTIONS.items() if where == place]


@pytest.fixture
def folders() -> Iterator[tuple[Path, Path, Path]]:
    """An empty folder for the page, one for a forge, one for tools. Short, since sockets' paths must be."""
    with tempfile.TemporaryDirectory(prefix="d") as name:
        for part in ("p", "f", "t"):
            (Path(name) / part).mkdir()
        yield Path(name) / "p", Path(name) / "f", Path(name) / "t"


@pytest.fixture(scope="module")
def demo() -> Iterator[tuple[Path, str, str]]:
    """One demo for all pages: they read."""
    with tempfile.TemporaryDirectory(prefix="d") as name, running_demo(Path(name)) as (served, forge):
        yield Path(name) / ".demo", served, forge


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", in_place("stranger"))
async def test_a_stranger_can_do_what_the_page_says(name: str, folders: tuple[Path, Path, Path]) -> None:
    """Somebody who pastes these in order must end where the page ends."""
    place, root, tools = folders
    async with stranger(place, root) as forge:
        where = addresses(forge.url, section(name))
        code, said = await run(script(section(name), where), place, environment(tools, where, PAGE=name))
        assert code == 0, said
        assert "Traceback" not in said
        for secret in (place / "token", place / "admin-token"):
            assert secret.read_text().strip() not in said


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", in_place("demo"))
async def test_beside_the_demo_the_page_does_what_it_says(
    name: str, folders: tuple[Path, Path, Path], demo: tuple[Path, str, str]
) -> None:
    """A command that a stranger pastes must do what the page says."""
    place, _, tools = folders
    state, served, forge = demo
    (place / ".demo").symlink_to(state)
    where = addresses(f"http://{forge}", section(name), port_8088=served, port_3000=forge)
    code, said = await run(script(section(name), where), place, environment(tools, where, PAGE=name))
    assert code == 0, said
    assert "Traceback" not in said


@pytest.mark.parametrize("page", pages())
def test_a_page_says_where_its_commands_run(page: str) -> None:
    """A block that nobody runs is wrong one day, and nobody notices."""
    for block in blocks(page):
        assert not block.language.startswith("shell"), f"{block.label}: write ```sh"
        if block.language in SHELL and block.not_run is None:
            assert block.place in PLACES, f"{block.label}: put <!-- run: demo|stranger --> before it, or not run: WHY"


@pytest.mark.parametrize("block", [b for b in of_language(*SHELL) if b.not_run], ids=lambda block: block.label)
def test_what_cannot_be_run_here_is_shell_at_least(block: Block) -> None:
    """A quote that is never closed costs the reader a quarter of an hour."""
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{block.label}: {done.stderr}"
