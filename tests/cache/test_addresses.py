"""Which pull request an address means, however somebody wrote it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.projection.addresses import PullAddress, pull_address

FORGE = ("https://git.example.org/sub", "http://localhost:3000")
SAME = PullAddress("acme/site/pulls/7", "acme/site", 7)


@pytest.mark.parametrize(
    "written",
    [
        "https://git.example.org/sub/acme/site/pulls/7", "https://git.example.org/sub/acme/site/pulls/7/",
        "http://git.example.org/sub/acme/site/pulls/7", "https://git.example.org:443/sub/acme/site/pulls/7",
        "https://GIT.example.ORG/sub/Acme/Site/pulls/7", "https://git.example.org/SUB/acme/site/pulls/7",
        "https://git.example.org/sub/acme/site/pulls/7/files", "https://git.example.org/sub/acme/site/pulls/7?x=1#i-3",
        "http://localhost:3000/acme/site/pulls/7", "https://git.example.org/sub/acme/site/pull/7",
        "https://git.example.org/sub/acme/s%69te/pulls/7",
    ],
)  # fmt: skip
def test_one_pull_request_has_one_address(written: str) -> None:
    """Guards against another version because of a slash, a letter, a port or the forge's other name."""
    assert pull_address(written, FORGE) == SAME


@pytest.mark.parametrize(
    "written",
    [
        "https://elsewhere.example.org/sub/acme/site/pulls/7", "https://git.example.org/acme/site/pulls/7",
        "http://localhost:3001/acme/site/pulls/7", "https://git.example.org/sub/acme/site/issues/7",
        "https://git.example.org/sub/acme/site/pulls/0", "https://git.example.org/sub/acme/pulls/7",
        "https://git.example.org.evil/sub/acme/site/pulls/7", "https://git.example.org/subway/acme/site/pulls/7",
        "https://git.example.org/sub/x/acme/site/pulls/7", "https://[broken/acme/site/pulls/7",
        "https://git.example.org/sub/acme/site/pulls/" + "9" * 30,
    ],
)  # fmt: skip
def test_what_is_no_pull_request_here_is_nobodys(written: str) -> None:
    """Guards against following a pull request of another forge as if it were one of ours."""
    address = pull_address(written, FORGE)
    assert (address.full_name, address.number) == (None, 0)
    assert address.unknown_id < 0


def test_without_a_forge_every_host_counts() -> None:
    assert pull_address("https://any.example.org/acme/site/pulls/7", ()) == SAME


def test_what_stands_for_an_unknown_repository_is_the_same_for_all_its_pull_requests() -> None:
    one, other = (pull_address(f"https://git.example.org/sub/acme/site/pulls/{n}", FORGE) for n in (7, 8))
    assert one.unknown_id == other.unknown_id != pull_address("https://x.example.org/1", FORGE).unknown_id


@given(st.text())
def test_any_text_is_understood_somehow(text: str) -> None:
    """Guards against a value that stops the projection."""
    address = pull_address(text, FORGE)
    assert -(2**63) <= address.unknown_id < 0
    assert pull_address(text, FORGE) == address
