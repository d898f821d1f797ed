"""A forge that shows a repository and not its pull requests (W2): doctor must not find that well."""

from __future__ import annotations

from doctor_place import Place

from gitea_client.fake import Fault


async def test_pull_requests_that_are_switched_off() -> None:
    async with Place() as place:
        await place.forge.switch_pull_requests("acme/meta", False)
        (await place.doctor("--no-delivery")).warned("pull requests", "switched off", "acme/meta", remedy="settings")


async def test_pull_requests_that_the_token_may_not_read() -> None:
    """As of a team that has the unit for code alone."""
    async with Place() as place:
        place.forge.faults.set(Fault("status", r"/repos/acme/meta/pulls", status=404))
        found = await place.doctor("--no-delivery")
        found.warned("pull requests", "may not read", "acme/meta", remedy="let the token's user")
