"""Logs: one format for everything, changes only, and never a secret."""

from __future__ import annotations

import io
import json
import logging
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from daemon.api.access import new_token
from daemon.api.credentials import cookie
from daemon.logs import set_up
from daemon.logs_redaction import Redactor
from gitea_client.secret import Secret

TOKEN = 'tok"en\\1\'x'


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Put the process's logging back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_our_events_and_those_of_libraries_look_the_same() -> None:
    stream = io.StringIO()
    set_up(stream, Redactor())
    structlog.get_logger("forgeglass.sweeps").info("sweep done", changes=3)
    logging.getLogger("aiohttp.access").warning("served %s", "/x")
    logging.getLogger("asyncio").debug("below the level")
    ours, theirs = lines(stream)
    assert (ours["event"], ours["level"], ours["logger"], ours["changes"]) == (
        "sweep done", "info", "forgeglass.sweeps", 3,
    )  # fmt: skip
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("served /x", "warning", "aiohttp.access")
    assert ours["timestamp"].endswith("Z")


def test_tokens_and_cookies_of_readers_are_hidden_though_only_their_hashes_are_known() -> None:
    """Guards: a malformed request, or a form, quoted in the text of an exception."""
    token, value = new_token(), secrets.token_urlsafe(32)
    told = cookie(value, seconds=1, path="/", secure=False)
    text = Redactor().text(f"cannot decode b'token={token}&to=' beside {told!r}")
    assert text == "cannot decode b'token=***&to=' beside " + repr(told.replace(value, "***"))


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_secret_is_hidden_whichever_way_it_comes(form: Any) -> None:
    """In a value, a nested one, an exception's text, a library's message, a header's repr, an address."""
    stream = io.StringIO()
    set_up(stream, Redactor([Secret(TOKEN)]), form=form)
    log = structlog.get_logger("t")
    log.info(f"event {TOKEN}", value=TOKEN, deep={"a": [{"b": TOKEN}]}, raw=TOKEN.encode(), as_repr=repr({"k": TOKEN}))
    log.info("keys", forge_token="other-secret", headers={"Authorization": "other-secret"}, password=7)
    log.info("headers {'Authorization': 'token other-secret', 'a': 'b'}", url="https://me:other-secret@forge/x")
    log.info("object", error=ValueError(TOKEN))
    logging.getLogger("lib").error("failed with %s", TOKEN, extra={"more": TOKEN})
    try:
        raise RuntimeError(f"outer {TOKEN}") from ValueError(repr(TOKEN))
    except RuntimeError:
        log.exception("went wrong")
        logging.getLogger("lib").exception("there too")
    text = stream.getvalue()
    assert TOKEN not in text
    assert json.dumps(TOKEN)[1:-1] not in text
    assert repr(TOKEN)[1:-1] not in text
    assert "other-secret" not in text
    assert "Traceback" in text
    assert "went wrong" in text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.text(alphabet="abc\"\\'", min_size=3, max_size=6))
def test_redaction_takes_any_value_and_leaves_no_secret(value: object, secret: str) -> None:
    redactor = Redactor([Secret(secret)])
    clean = redactor.value({"x": value, "y": [secret, f"-{secret}-"], secret: 1})
    leaves: list[str] = []

    def walk(part: object) -> None:
        if isinstance(part, dict):
            for key, inner in part.items():
                leaves.append(key)
                walk(inner)
        elif isinstance(part, list):
            for inner in part:
                walk(inner)
        elif isinstance(part, str):
            leaves.append(part)

    walk(clean)
    assert not any(secret in leaf for leaf in leaves)


def test_a_value_that_contains_itself_ends() -> None:
    ring: list[object] = []
    ring.append(ring)
    assert "…" in str(Redactor().value(ring))


def test_a_line_that_repeats_is_counted_and_the_count_is_told() -> None:
    """Guards the disk: 283 MB of one line were written while connections were refused."""
    stream, now = io.StringIO(), [0.0]
    set_up(stream, Redactor(), monotonic=lambda: now[0])
    theirs, ours = logging.getLogger("asyncio"), structlog.get_logger("webhooks")
    for number in range(1_000):
        theirs.error("socket.accept() out of system resource\n%r", "the same")
        ours.warning("delivery refused", remote=f"192.0.2.{number}")
    counted = [line["event"].partition("\n")[0] for line in lines(stream)]
    assert counted.count("socket.accept() out of system resource") == 3
    assert counted.count("delivery refused") == 100, "different lines of one event are told, though not for ever"
    now[0] = 61.0
    ours.info("something else")
    told = {line["of"].partition("\n")[0]: line["times"] for line in lines(stream) if line["event"] == "log.repeated"}
    assert told == {"socket.accept() out of system resource": 997, "delivery refused": 900}
    ours.warning("delivery refused", remote="192.0.2.1")
    assert lines(stream)[-1]["event"] == "delivery refused", "a new period begins with a line"
