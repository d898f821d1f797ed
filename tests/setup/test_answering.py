"""The conversation of `forgeglass init` with somebody at a terminal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from setup_place import Stranger, command, stranger

import daemon.cli.init as init_module
from daemon.config import load


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stranger]:
    async with stranger(tmp_path, monkeypatch) as made:
        yield made


async def test_it_asks_for_what_is_not_given(place: Stranger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Address, token file, owners out of those seen, and which of the blocks."""
    await place.repository("handbook", {f"docs/{n}.md": f"# {n}" for n in range(3)})
    await place.repository("service", {"docs/adr/0001-use.md": "# Use it"})
    monkeypatch.setattr(init_module, "interactive", lambda: True)
    ran = await command("init", answers=f"{place.forge.url}\ntoken\n\n9\n2,1\n")
    assert ran.code == 0, ran.err
    assert "Owners, with the repositories seen of each: acme (2)" in ran.out
    assert "write numbers from 1 to 2" in ran.out + ran.err
    assert [block.use for block in load(place.file, {}).profiles] == ["adr", "markdown"]


async def test_a_wrong_answer_is_asked_for_again(place: Stranger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error in the first of four answers must not throw a person out of the conversation."""
    await place.repository("handbook", {f"docs/{n}.md": f"# {n}" for n in range(3)})
    await place.repository("service", {"docs/adr/0001-use.md": "# Use it"})
    (place.folder / "old").write_text("0123456789abcdef0123456789abcdef01234567\n")
    monkeypatch.setattr(init_module, "interactive", lambda: True)
    url = place.forge.url
    answers = [
        "127.0.0.1:3901", f"{url}/sub", "nowhere", "token",  # no address; no file; and then no forge there
        url, "old",  # a token that is none
        "", "token",  # the address is offered again
        "nobody", ",", "acme", "9", "all",
    ]  # fmt: skip
    ran = await command("init", answers="".join(f"{one}\n" for one in answers))
    assert ran.code == 0, ran
    for word in (
        "is not an address", "there is no such file", "does not answer like a Gitea", "make a new token",
        "shows no user or organisation 'nobody'", "write at least one name", "write numbers from",
    ):  # fmt: skip
        assert word in ran.out + ran.err
    assert load(place.file, {}).forge.url == url


async def test_what_was_given_as_an_option_is_not_asked_for_again(
    place: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking for ever about an answer that is right would be worse than ending."""
    monkeypatch.setattr(init_module, "interactive", lambda: True)
    for arguments, word in (
        (("--url", "127.0.0.1:3901"), "is not an address"),
        (("--url", place.forge.url, "--ca-file", "none.pem"), "there is no file"),
        (("--url", f"{place.forge.url}/sub", "--token-file", "token"), "does not answer like"),
        (("--url", place.forge.url, "--token-file", "token", "--owner", "nobody"), "shows no user"),
    ):
        ran = await command("init", *arguments, answers="token\n" * 9)
        assert (ran.code in (2, 3), word in ran.err) == (True, True), ran
        assert not place.file.exists()
