"""Secrets are files: one that is rotated while the daemon runs heals by itself (fault O1)."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from pathlib import Path

import pytest
from serving_place import CONFIG, SECRET, Daemon, Place, rfc

from daemon.config import load
from daemon.logs_redaction import Redactor
from daemon.serving import token_again
from gitea_client.credentials import Credentials
from gitea_client.errors import SettingError
from gitea_client.secret import Secret


def rotate(place: Place, token: str) -> None:
    """From now on the forge knows this token of the daemon's user, and no other."""
    place.forge.world.users["root1"].token = token


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause between two readings is a test of its own."""
    monkeypatch.setattr("gitea_client.credentials.GAP", 0.0)
    monkeypatch.setattr("daemon.hooks.ring.GAP", 0.0)


async def swept(daemon: Daemon) -> list[dict[str, str]]:
    """What a quiet sweep could not read."""
    report, _ = await daemon.command("sweep")
    return list(report["errors"])


async def test_a_rotated_token_is_read_again_and_nothing_fails() -> None:
    """Expected: no sweep fails; REST and git both go on with the new one."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            rotate(place, "rotated-" + "1" * 32)
            (place.root / "token").write_text("rotated-" + "1" * 32 + "\n")
            await place.push(one=rfc("Two"))
            await daemon.sweep(deep=True)
            assert await daemon.titles() == {"one": "Two"}


def unreadable(path: Path) -> None:
    """Root reads whatever there is: a folder in its place cannot be read by anybody."""
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path: path.write_text(""), "is empty"),
        (lambda path: path.unlink(), "cannot be read"),
        (unreadable, "cannot be read"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "is not UTF-8"),
        (lambda path: path.write_text("two\nlines\n"), "more than one line"),
        (lambda path: path.write_text("not a token"), "printable ASCII"),
        (lambda path: path.write_text("wrong-token"), "make a new token"),
    ],
    ids=["empty", "missing", "unreadable", "binary", "two lines", "blank inside", "wrong"],
)
async def test_a_token_file_that_is_bad_for_a_while_is_named_and_heals(
    spoil: Callable[[Path], object], told: str
) -> None:
    """Expected: what is wrong with the file is the remedy, rows stay, and the right token in it ends the trouble."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            rotate(place, "right-" + "2" * 32)
            path = place.root / "token"
            spoil(path)
            for _ in range(2):
                (trouble,) = await swept(daemon)
                assert told in f"{trouble['error']} {trouble['remedy']}"
                assert await daemon.titles() == {"one": "One"}
            if path.is_dir():
                path.rmdir()
            path.write_text("right-" + "2" * 32)
            await place.push(one=rfc("Two"))
            assert await swept(daemon) == []
            await daemon.sweep(deep=True)
            assert await daemon.titles() == {"one": "Two"}


async def test_while_the_token_is_good_its_file_is_not_read() -> None:
    """Expected: a file emptied in the middle of a rotation stops nothing while the forge takes the old token."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            (place.root / "token").write_text("")
            await daemon.sweep()
            assert await daemon.titles() == {"one": "One"}


async def test_readings_of_a_refused_token_are_bounded() -> None:
    """Guards the disk and the log: a forge that refuses everything leads to one reading a second, not one a request."""
    now, readings = [100.0], [0]

    def read() -> Secret | None:
        readings[0] += 1
        return Secret("same")

    credentials = Credentials(Secret("same"), read, lambda: now[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gitea_client.credentials.GAP", 1.0)
        assert [await credentials.renew(credentials.token) for _ in range(50)] == [False] * 50
        assert readings == [1]
        now[0] += 1
        assert not await credentials.renew(credentials.token)
        assert readings == [2]


async def test_a_request_whose_token_was_replaced_meanwhile_reads_nothing() -> None:
    """Guards eight requests that are refused at once: the first reads, the others take what it found."""
    found = ["new"]

    def read() -> Secret | None:
        return Secret(found.pop())

    old = Secret("old")
    credentials = Credentials(old, read, lambda: 0.0)
    assert [await credentials.renew(old) for _ in range(8)] == [True] * 8
    assert credentials.token is not None
    assert credentials.token.reveal() == "new"


async def test_what_cannot_be_used_leaves_the_token_as_it_was() -> None:
    """Guards against a daemon that forgets the one token it has because of half a file."""

    def read() -> Secret | None:
        raise SettingError("forge.token_file: it is empty; write the secret into it")

    credentials = Credentials(old := Secret("old"), read, lambda: 0.0)
    assert not await credentials.renew(old)
    assert credentials.token is old
    assert credentials.why == "forge.token_file: it is empty; write the secret into it"


async def test_a_token_that_is_read_again_is_hidden_from_the_log(tmp_path: Path) -> None:
    """Guards the log: the new token is known to it before the first request that bears it."""
    for name in ("token", "secret"):
        (tmp_path / name).write_text("rotated-in")
        (tmp_path / name).chmod(0o600)
    config_file = tmp_path / "forgeglass.toml"
    config_file.write_text(CONFIG.format(url="http://forge", interval="60s", overlap="30s", profile="rfc"))
    redactor = Redactor()
    token = token_again(load(config_file, {}), {}, redactor)
    assert token is not None
    assert redactor.text("it is rotated-in") == "it is ***"


async def deliver(daemon: Daemon, secret: str, number: int) -> int:
    """The status that a delivery signed with a secret is answered with."""
    body = b'{"repository": {"id": 1, "full_name": "acme/meta"}}'
    headers = {
        "X-Gitea-Event": "push", "X-Gitea-Delivery": f"d{number}", "Content-Type": "application/json",
        "X-Gitea-Signature": hmac.digest(secret.encode(), body, "sha256").hex(),
    }  # fmt: skip
    async with daemon.session.post(f"{daemon.url}/webhooks/gitea", data=body, headers=headers) as answer:
        return answer.status


async def test_a_rotated_webhook_secret_is_read_again() -> None:
    """Expected: the first delivery signed with the new secret is taken; an emptied file changes nothing meanwhile."""
    async with Place() as place, place.daemon() as daemon:
        path = place.root / "secret"
        assert await deliver(daemon, SECRET, 1) == 202
        path.write_text("")
        assert await deliver(daemon, "another", 2) == 401
        assert await deliver(daemon, SECRET, 3) == 202
        path.write_text("another\n")
        assert await deliver(daemon, "another", 4) == 202
        assert await deliver(daemon, SECRET, 5) == 401, "the file says what is accepted, and nothing else"


async def test_the_previous_secret_may_be_named_while_hooks_are_changed_over() -> None:
    """Expected: what stands in webhook_secret_previous_file by then is accepted as well."""
    async with Place() as place:
        text = place.config_file.read_text()
        more = text.replace(
            'webhook_secret_file = "secret"',
            'webhook_secret_file = "secret"\nwebhook_secret_previous_file = "previous"',
        )
        place.config_file.write_text(more)
        (place.root / "previous").write_text("older")
        (place.root / "previous").chmod(0o600)
        async with place.daemon() as daemon:
            (place.root / "previous").write_text(SECRET)
            (place.root / "secret").write_text("another")
            assert await deliver(daemon, "another", 1) == 202
            assert await deliver(daemon, SECRET, 2) == 202
            assert await deliver(daemon, "older", 3) == 401
