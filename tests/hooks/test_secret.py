"""The webhook secret that makes itself."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hooks_place import Place

from daemon.config import Config, Forge
from daemon.config.secret_files import Secrets, read_secrets
from daemon.hooks.secret import is_own, renewed, with_webhook_secret
from gitea_client.secret import Secret


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """With a `data_dir` that is not there yet."""
    forge = Forge(url="http://127.0.0.1:3000", owners=("acme",))
    return Config(path=tmp_path / "forgeglass.toml", data_dir=tmp_path / "deep" / "data", forge=forge, profiles=())


def revealed(secrets: Secrets) -> list[str]:
    return [secret.reveal() for secret in secrets.webhook_secrets()]


def test_where_none_is_given_one_is_made_once(config: Config) -> None:
    """Guards the stranger, who never heard of it, and every later start: webhooks are signed with the first."""
    made = with_webhook_secret(config, read_secrets(config, {}), os.urandom)
    path = config.data_dir / "webhook-secret"
    assert path.stat().st_mode & 0o777 == 0o600
    (text,) = revealed(made)
    assert bytes.fromhex(text) and len(bytes.fromhex(text)) == 32
    assert revealed(read_secrets(config, {})) == [text]
    assert revealed(with_webhook_secret(config, read_secrets(config, {}), os.urandom)) == [text]
    assert [each.name for each in config.data_dir.iterdir()] == ["webhook-secret"], "no draft is left"
    assert is_own(config, made)


def test_one_that_is_given_goes_before_and_nothing_is_made(config: Config) -> None:
    """Guards those who keep their secrets elsewhere."""
    environ = {"FORGEGLASS_FORGE_WEBHOOK_SECRET": "from elsewhere"}
    given = with_webhook_secret(config, read_secrets(config, environ), os.urandom)
    assert revealed(given) == ["from elsewhere"]
    assert not config.data_dir.exists()
    assert not is_own(config, given)
    with_webhook_secret(config, Secrets(), os.urandom)
    assert revealed(read_secrets(config, environ)) == ["from elsewhere"]


def test_two_that_make_it_together_get_the_same(config: Config) -> None:
    """Guards a daemon and a command started at once: one secret is made, and nobody holds another."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: revealed(with_webhook_secret(config, Secrets(), os.urandom)), range(32)))
    assert len({secret for (secret,) in made}) == 1


def test_a_renewed_one_leaves_the_old_one_good(config: Config) -> None:
    """Guards deliveries under way and webhooks not yet replaced."""
    first = with_webhook_secret(config, Secrets(token=Secret("t")), os.urandom)
    second = renewed(config, first, os.urandom)
    assert revealed(second) == [*revealed(second)[:1], *revealed(first)]
    assert revealed(second)[0] != revealed(first)[0]
    assert revealed(read_secrets(config, {})) == revealed(second)
    assert (config.data_dir / "webhook-secret.previous").stat().st_mode & 0o777 == 0o600
    third = renewed(config, second, os.urandom)
    assert revealed(third)[1] == revealed(second)[0]


@pytest.mark.parametrize("fails_at", [0, 1])
def test_cut_off_anywhere_a_renewal_forgets_no_secret(
    config: Config, fails_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards a full disk: the secret that webhooks are signed with must be readable whatever happens."""
    first = with_webhook_secret(config, Secrets(), os.urandom)
    replaced = Path.replace
    calls = iter(range(9))

    def failing(path: Path, target: Path) -> Path:
        if next(calls) == fails_at:
            raise OSError(28, "No space left on device")
        return replaced(path, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(OSError, match="No space left"):
        renewed(config, first, os.urandom)
    assert revealed(first)[0] in revealed(read_secrets(config, {}))


async def test_a_daemon_makes_it_and_takes_what_is_signed_with_it(one_place: Place) -> None:
    """Guards `serve` from asking a stranger for a secret."""
    async with one_place.daemon() as served:
        one_place.forge.add_hook("acme", f"{served.url}/webhooks/gitea", one_place.secret)
        one_place.forge.add_hook("acme", f"{served.url}/webhooks/gitea", "another")
        await one_place.forge.commit("acme/meta", {"x": b"x"}, message="x", author="ada")
        await one_place.forge.settle()
    assert sorted(d.status or 0 for d in one_place.forge.deliveries.sent) == [202, 401]
