"""A forge and a daemon for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from comparing import Witness
from harness import META, System, rfc


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of signals, names and lives run on both servers; those of what the servers have alike name one of them
    (`pytestmark = pytest.mark.flavours("gitea")`).
    """
    if "system" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("flavours")
        metafunc.parametrize("system", marker.args if marker is not None else ("gitea", "forgejo"), indirect=True)


@pytest.fixture
async def system(request: pytest.FixtureRequest) -> AsyncIterator[System]:
    """On one of the two servers, swept once."""
    async with System(flavour=request.param) as system:
        await system.sweep()
        yield system


@pytest.fixture
def witness(system: System) -> Witness:
    """Compares the rows with what the forge tells."""
    return Witness(system)


@pytest.fixture
async def begun(system: System) -> System:
    """A meta repository with one entry."""
    await system.forge.commit(META, {"rfcs/a.md": rfc("First"), "rfcs/b.md": rfc("B")})
    system.clock.tick()
    return system
