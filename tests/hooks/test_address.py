"""The address that a webhook is given."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config import Address, Config, ConfigError, Forge, Webhooks
from daemon.hooks.address import hook_url, same_address

NEAR, FAR = "http://127.0.0.1:3000", "https://git.example.org"


def config(listen: Address, forge: str = NEAR, public_url: str | None = None, path: str = "/webhooks/gitea") -> Config:
    return Config(
        path=Path("forgeglass.toml"), data_dir=Path("data"), forge=Forge(url=forge, owners=("acme",)), profiles=(),
        listen=listen, public_url=public_url, webhooks=Webhooks(path=path),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("listen", "forge", "public_url", "address"),
    [
        (Address("127.0.0.1", 8088), NEAR, None, "http://127.0.0.1:8088/webhooks/gitea"),
        (Address("::1", 8088), "http://localhost:3000", None, "http://[::1]:8088/webhooks/gitea"),
        (Address("0.0.0.0", 8088), NEAR, None, "http://127.0.0.1:8088/webhooks/gitea"),
        (Address("10.1.2.3", 80), FAR, None, "http://10.1.2.3:80/webhooks/gitea"),
        (Address("127.0.0.1", 8088), FAR, "https://x.org", "https://x.org/webhooks/gitea"),
        (Address("127.0.0.1", 0), FAR, "https://x.org/tools/fg/", "https://x.org/tools/fg/webhooks/gitea"),
    ],
)
def test_it_is_public_url_with_its_sub_path_else_where_we_listen(
    listen: Address, forge: str, public_url: str | None, address: str
) -> None:
    """Guards deliveries behind a proxy, which lead nowhere without its path."""
    assert hook_url(config(listen, forge, public_url)) == address


def test_the_path_of_deliveries_may_be_another() -> None:
    """Guards whoever moved it: the webhook must follow what the daemon listens on."""
    near = Address("127.0.0.1", 8088)
    assert hook_url(config(near, path="/in/forge")) == "http://127.0.0.1:8088/in/forge"
    assert hook_url(config(near, public_url="https://x.org/fg", path="/in")) == "https://x.org/fg/in"


@pytest.mark.parametrize(
    ("listen", "forge", "why"),
    [
        (Address("127.0.0.1", 8088), FAR, "another machine"),
        (Address("localhost", 8088), FAR, "another machine"),
        (Address("0.0.0.0", 8088), FAR, "tells the forge no address"),
        (Address("127.0.0.1", 0), NEAR, "port 0"),
    ],
)
def test_where_the_forge_could_not_reach_it_public_url_is_asked_for(listen: Address, forge: str, why: str) -> None:
    """Guards against a webhook on a distant forge that leads to that forge itself."""
    with pytest.raises(ConfigError, match=rf"public_url: missing, and listen .*{why}.*; set it to"):
        hook_url(config(listen, forge))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://a.org/x", "HTTP://A.org:80/x/", True),
        ("https://a.org", "https://a.org:443/", True),
        ("https://a.org:80/x", "http://a.org:80/x", False),
        ("http://a.org/x", "http://a.org/X", False),
        ("http://a.org/x", "http://a.org/x?probe=1", False),
        ("http://me@a.org/x", "http://a.org/x", False),
        ("http://a.org:99999/x", "http://a.org:99999/x", True),
        ("http://[::1/x", "http://a.org/x", False),
        ("", "http://a.org/x", False),
    ],
)
def test_what_says_nothing_does_not_count(one: str, other: str, same: bool) -> None:
    """Guards against a second webhook beside one that differs by a slash."""
    assert same_address(one, other) is same
    assert same_address(other, one) is same


@given(st.text(), st.text())
def test_anything_may_stand_on_a_forge(one: str, other: str) -> None:
    """Guards the comparison from addresses that are none."""
    assert same_address(one, one)
    same_address(one, other)
