"""Broken set-ups of the token: wrong, lacking a right, in a file that is not as it should be."""

from __future__ import annotations

import pytest
from doctor_place import READ, Place

from gitea_client.fake.faults import Fault


@pytest.mark.parametrize("flavour", ["gitea", "forgejo"])
async def test_a_wrong_token(flavour: str) -> None:
    async with Place(flavour=flavour) as place:
        place.token_file.write_text("0" * 40)
        found = await place.doctor()
        found.named("token", "does not accept", str(place.token_file), remedy="read:repository, read:issue")
        assert found.one("rights").status == "skip"


@pytest.mark.parametrize("scope", READ)
async def test_a_right_is_missing(scope: str) -> None:
    """Guards against "HTTP 403": which of the four it is, is known, and so it is said."""
    async with Place() as place:
        place.scoped(*(other for other in READ if other != scope))
        (await place.doctor()).named("rights", f"lacks {scope}", remedy=scope)


async def test_a_token_for_public_repositories_only() -> None:
    async with Place() as place:
        body = {"Content-Type": "application/json"}
        place.forge.faults.set(Fault("status", match="/repos/search", status=403, headers=body))
        found = await place.doctor()
        assert found.bad()[0].check == "rights"
        assert "read:repository" in found.bad()[0].what


async def test_no_token_is_unwise_and_no_failure_where_things_are_public() -> None:
    async with Place() as place:
        place.config_file.write_text(place.config_file.read_text().replace('token_file = "token"\n', ""))
        (await place.doctor("--no-delivery")).warned("token", "no token is given", remedy="forge.token_file")


async def test_no_token_where_the_forge_wants_a_sign_in() -> None:
    """REQUIRE_SIGNIN_VIEW: the API answers 403 to everything."""
    async with Place() as place:
        place.config_file.write_text(place.config_file.read_text().replace('token_file = "token"\n', ""))
        place.forge.faults.set(Fault("status", match="/api/v1/", status=403))
        (await place.doctor("--no-delivery")).named("token", "do not sign in", remedy="forge.token_file")


async def test_a_token_file_that_everybody_reads() -> None:
    async with Place() as place:
        place.token_file.chmod(0o644)
        (await place.doctor("--no-delivery")).warned(
            "token file", str(place.token_file), "every user", remedy=f"chmod 600 {place.token_file}"
        )


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty"), (b"\n", "is empty"), (b"one\ntwo\n", "more than one line"), (b"\xff\xfe", "not UTF-8"),
     (b"a token with spaces", "no token"), (b"x" * 100_000, "too long")],
)  # fmt: skip
async def test_a_token_file_that_holds_no_token(content: bytes, said: str) -> None:
    """Guards against asking as nobody, who sees less; and what the file does hold is never shown."""
    async with Place() as place:
        place.token_file.write_bytes(content)
        found = await place.doctor()
        found.named("token file", said)
        assert "with spaces" not in found.out
        assert found.one("token").status == "skip"


async def test_a_token_file_that_is_not_there_is_a_mistake_of_the_configuration() -> None:
    async with Place() as place:
        place.token_file.unlink()
        found = await place.doctor()
        assert found.code == 2
        assert "forge.token_file" in found.one("configuration").what
        assert found.one("configuration").remedy


async def test_a_wrong_token_in_the_file_for_this_run() -> None:
    async with Place() as place:
        place.admin.write_text("f" * 40)
        found = await place.doctor("--token-file", str(place.admin))
        found.named("token", "--token-file", remedy="write:repository")
        place.admin.write_text("")
        ran = await place.command("doctor", "--token-file", str(place.admin))
        assert (ran.code, ran.err.count("\n")) == (2, 1)
        assert "--token-file" in ran.err
