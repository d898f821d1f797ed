"""The demo's organisation: what the README says of it, and the same every time."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from daemon.demo.entries import ACTIVE, BROKEN, GOOD, META, ORGANIZATION, SYMLINK, path, text
from daemon.demo.organisation import DemoClock, plant
from gitea_client.fake import StandIn


async def planted(root: Path) -> tuple[dict[str, dict[str, str]], Counter[str]]:
    """Refs by repository, and pull requests by state."""
    clock = DemoClock()
    async with StandIn(root, clock=clock) as forge:
        await plant(forge, clock)
        states: Counter[str] = Counter()
        for repository in forge.world.repositories.values():
            for pull in repository.pulls.values():
                state = "merged" if pull.merged else "open" if pull.open else "closed"
                states["draft" if pull.draft else "fork" if pull.head_repository is not repository else state] += 1
        return {r.full_name: forge.refs(r.full_name) for r in forge.world.repositories.values()}, states


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, dict[str, str]], Counter[str]]:
    """The organisation, planted for all tests here."""
    return asyncio.run(planted(tmp_path_factory.mktemp("organisation")))


async def test_it_comes_out_the_same_every_time(
    once: tuple[dict[str, dict[str, str]], Counter[str]], tmp_path: Path
) -> None:
    """A demo that differs from run to run cannot be talked about, and a fault seen in it not be seen again."""
    assert await planted(tmp_path) == once


def test_it_is_as_the_readme_says(once: tuple[dict[str, dict[str, str]], Counter[str]]) -> None:
    """Some 30 entries in every state, 6 repositories of entries, some 40 branches, 25 pull requests in every state."""
    refs, states = once
    ours = {name: names for name, names in refs.items() if name.startswith(f"{ORGANIZATION}/")}
    assert set(ours) == {META, *(entry.repo for entry in ACTIVE)}
    assert len(ours) == 7
    assert sum(name.startswith("refs/heads/") for names in ours.values() for name in names) == 39
    assert states.total() == 25
    assert set(states) == {"open", "draft", "merged", "closed", "fork"}


def test_entries_are_in_every_state_and_every_broken_one_is_broken_in_its_own_way() -> None:
    assert Counter(entry.state for entry in GOOD) == {"active": 7, "idea": 13, "withdrawn": 5}
    assert len(GOOD) + len(BROKEN) + 1 == 31
    paths = [path(entry.slug) for entry in GOOD] + [*BROKEN, SYMLINK[0]]
    assert len(set(paths)) == len(paths)
    assert all(text(entry).startswith("---\ntitle:") for entry in GOOD)
