"""A daemon that listens for this machine alone is not read by pages that borrow its address."""

from __future__ import annotations

import pytest
from serving_place import Place, rfc

from daemon.config.kinds import Address
from daemon.hosts import answers_to

HERE, ANYWHERE = Address("127.0.0.1", 8088), Address("0.0.0.0", 8088)


@pytest.mark.parametrize("host", ["127.0.0.1:8088", "localhost:8088", "LOCALHOST", "fg.localhost", "[::1]:8088", ""])
def test_names_of_this_machine_are_right(host: str) -> None:
    assert answers_to(host, HERE, None)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8088", "127.0.0.1.evil.example", "localhost.evil", "["])
def test_a_name_that_somebody_pointed_here_is_not(host: str) -> None:
    """Guards against DNS rebinding: to the browser, page and API would be one origin."""
    assert not answers_to(host, HERE, None)
    assert not answers_to(host, HERE, "https://forgeglass.example.org/glass")
    assert answers_to(host, ANYWHERE, None)


def test_the_public_name_is_right() -> None:
    assert answers_to("forgeglass.example.org", HERE, "https://forgeglass.example.org/glass")


async def test_the_api_answers_a_strange_name_with_a_problem() -> None:
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            status, body, _ = await daemon.get("/api/v1/rfcs", Host="evil.example")
            assert (status, body["type"]) == (421, "urn:forgeglass:problem:misdirected-request")
            assert "public_url" in body["detail"]
            for path in ("/console/", "/metrics", "/", "/nowhere"):
                assert (await daemon.get(path, Host="evil.example"))[0] == 421, path
                assert (await daemon.get(path, Host="localhost"))[0] in (200, 404), path
            for path in ("/healthz", "/readyz"):
                assert (await daemon.get(path, Host="evil.example"))[0] == 200, "a prober knows names of its own"
