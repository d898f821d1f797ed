"""What keeps the daemon from its work while it starts: one line with the remedy, in its log or as its last word."""

from __future__ import annotations

import errno
import sqlite3

import pytest
from aiohttp import ClientSession
from doctor_place import Place, free_port
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from daemon.blocks import load_blocks
from daemon.cli.mistakes import cannot_listen, in_words
from daemon.config import load
from daemon.config.kinds import Address
from daemon.config.secret_files import read_secrets
from daemon.serving import serving


@pytest.mark.parametrize(
    ("trouble", "said", "remedy"),
    [("token", "HTTP 401", "forge.token_file"), ("down", "refuses connections", "start it")],
)
async def test_a_daemon_that_cannot_read_serves_what_it_has_and_says_why_once(
    trouble: str, said: str, remedy: str
) -> None:
    """It must not end, for what was read before is served; nor be silent about why nothing new comes."""
    async with Place() as place:
        if trouble == "token":
            place.token_file.write_text("0" * 40)
        else:
            place.configure(url=f"http://127.0.0.1:{free_port()}")
        config = load(place.config_file, {})
        with capture_logs() as logs:
            async with (
                serving(config, read_secrets(config, {}), load_blocks(config)) as served,
                ClientSession() as session,
            ):
                await served.schedule.first.wait()
                async with session.get(f"{served.url}/api/v1/rfcs") as answer:
                    assert answer.status == 200
        (told,) = [each for each in logs if each["log_level"] == "warning" and "remedy" in each]
        assert said in told["error"]
        assert remedy in told["remedy"]
        assert not [secret for secret in place.secrets if secret in str(logs)]


async def test_a_group_that_there_is_not() -> None:
    async with Place() as place:
        place.configure(top='group = "no-such-group"')
        (await place.doctor("--no-delivery")).named("configuration", "no group no-such-group", remedy="make it")
        place.refused(await place.command("digest"), "group", "no group no-such-group")


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.EMFILE, "ulimit -n"),
     (errno.EACCES, "this user"), (errno.EDQUOT, "quota"), (errno.EIO, "dmesg"), (errno.ENAMETOOLONG, "name too long")],
)  # fmt: skip
def test_what_the_system_says_becomes_a_remedy(number: int, said: str) -> None:
    error = OSError(number, "File name too long", "/somewhere/file")
    told = in_words(error)
    assert told is not None
    assert told.startswith("/somewhere/file: ")
    assert said in told.lower()


@pytest.mark.parametrize(
    ("name", "said"),
    [("SQLITE_FULL", "disk is full"), ("SQLITE_IOERR_WRITE", "free space"), ("SQLITE_READONLY_DBMOVED", "read-only"),
     ("SQLITE_CANTOPEN", "cannot be opened"), ("SQLITE_BUSY", "another program"), ("SQLITE_CORRUPT", "damaged")],
)  # fmt: skip
def test_what_sqlite_says_becomes_a_remedy(name: str, said: str) -> None:
    """A statement, its values and SQLAlchemy's link belong in no message to a person."""
    error = sqlite3.OperationalError("in words of its own")
    error.sqlite_errorname = name
    for each in (error, OperationalError("INSERT INTO inbox VALUES (?)", ("a secret",), error)):
        told = in_words(each)
        assert told is not None
        assert said in told
        assert "INSERT" not in told
        assert "secret" not in told


def test_a_fault_of_ours_is_not_explained_away() -> None:
    """Guards the other side: what nobody at a terminal can mend must be seen whole."""
    for error in (ZeroDivisionError(), KeyError("x"), sqlite3.OperationalError("no such table"), ValueError("x")):
        assert in_words(error) is None


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EADDRINUSE, "in use"),
        (errno.EADDRNOTAVAIL, "no such address"),
        (errno.EACCES, "1024"),
        (errno.EINVAL, "set"),
    ],
)
def test_why_it_cannot_listen(number: int, said: str) -> None:
    told = cannot_listen(Address("127.0.0.1", 80), OSError(number, "x"))
    assert told.startswith("listen 127.0.0.1:80: ")
    assert said in told
