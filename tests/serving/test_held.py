"""What was tried at the daemon's door and never worked: pages without a policy, paths that climb, bodies that grow."""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from serving_place import SECRET, Daemon, Place, rfc
from yarl import URL

from daemon.commands import COMMANDS
from gitea_client.fake import Fault

ANSWERS = (
    "GET /", "GET /nowhere", "GET /favicon.ico", "GET /healthz", "GET /readyz", "GET /metrics", "GET /api",
    "GET /api/v1", "GET /api/v1/rfcs", "GET /api/v1/rfcs/one", "GET /api/v1/nothing", "GET /api/v1/rfcs?x=1",
    "GET /api/v1/docs", "GET /api/v1/docs.css", "GET /api/v1/openapi.json", "GET /api/v1/changes.atom",
    "GET /api/v1/rfcs?format=csv",
    "POST /api/v1/rfcs", "PUT /", "DELETE /healthz", "TRACE /", "OPTIONS /", "OPTIONS /api/v1/rfcs", "HEAD /console/",
    "GET /console", "GET /console/", "GET /console/c/rfc/rfcs/one", "GET /console/nowhere", "GET /console/sign-in",
    "POST /console/sign-in", "POST /console/sign-out", "PUT /console/", "GET /console/static/console.css",
    "GET /console/static/nothing", "GET /webhooks/gitea", "POST /webhooks/gitea", "GET /console/c/rfc/rfcs?x=1",
)  # fmt: skip
"""A request of each kind."""
CLIMBING = (
    "../state.db", "..%2f..%2fstate.db", "%2e%2e/%2e%2e/state.db", "..%5c..%5cstate.db", "....//state.db",
    "%252e%252e%252fstate.db", "..%00/state.db", "%2fetc%2fpasswd", "/etc/passwd", "..;/state.db",
    "%c0%ae%c0%ae/state.db", "file:///etc/passwd", "console.css/../../../state.db", "console.css%00.png",
    "C:%5cwindows%5cwin.ini",
)  # fmt: skip
PLACES = ("/", "/console/static/", "/console/", "/console/c/rfc/rfcs/", "/api/v1/", "/api/v1/rfcs/", "/api/v1/reports/")


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as running:
            await running.sweep()
            yield running


async def token(daemon: Daemon) -> str:
    """A reader's token that sees everything."""
    asked = {"name": "ada", "owners": (), "repositories": (), "collections": (), "expires": None}
    made, _ = await COMMANDS["token-create"](daemon.engine, asked, lambda _progress: None)
    return str(made["token"])


async def test_every_answer_is_bound_whoever_made_it(daemon: Daemon) -> None:
    """Guards browsers: even a fault in our escaping, or a text taken for a page, must not become a script that runs."""
    for host in ("localhost", "evil.example"):
        for each in ANSWERS:
            method, path = each.split(" ")
            url, headers = f"{daemon.url}{path}", {"Accept": "text/html", "Host": host}
            async with daemon.session.request(method, url, headers=headers, allow_redirects=False) as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy, each
                assert "frame-ancestors 'none'" in policy, each
                assert "unsafe" not in policy, each
                assert answer.headers["X-Content-Type-Options"] == "nosniff", each
                assert answer.status < 500, each


async def test_no_path_leads_to_a_file_of_this_machine(daemon: Daemon) -> None:
    """Guards `state.db`, and everything else that the daemon's user may read."""
    for place in PLACES:
        for path in CLIMBING:
            url = URL(f"{daemon.url}{place}{path}", encoded=True)
            async with daemon.session.get(url, allow_redirects=False) as answer:
                body = await answer.read()
                assert answer.status in (400, 404), (url, answer.status)
                assert b"SQLite format" not in body
                assert b"root:" not in body


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_nothing_that_is_sent_to_us_is_unpacked(daemon: Daemon, coding: str) -> None:
    """Guards memory and the event loop: a few kilobytes become gigabytes, also where they are thrown away."""
    form = f"token={await token(daemon)}".encode()
    packed = gzip.compress(form) if coding == "gzip" else zlib.compress(form)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for body, coded, status in ((form, {}, 303), (packed, {"Content-Encoding": coding}, 403)):
        url = f"{daemon.url}/console/sign-in"
        async with daemon.session.post(url, data=body, headers={**headers, **coded}, allow_redirects=False) as answer:
            assert answer.status == status, "who is known signs in, but not by what would have to be unpacked"


def files(folder: Path) -> Iterator[tuple[str, int]]:
    """Every file and folder below, with its mode."""
    for path in (folder, *folder.rglob("*")):
        yield str(path.relative_to(folder)), stat.S_IMODE(path.lstat().st_mode)


async def test_nothing_of_ours_is_open_to_other_users() -> None:
    """Guards what is kept, whatever the umask: all but `cache.db` is for the user alone, and that for its group."""
    before = os.umask(0)
    try:
        async with Place() as place:
            await place.push(one=rfc("One"))
            async with place.daemon() as daemon:
                await daemon.sweep()
                found = dict(files(place.data_dir))
    finally:
        os.umask(before)
    assert {"state.db", "cache.db", "control.sock", "objects"} <= found.keys()
    assert any(name.endswith(".pack") or "/objects/" in name for name in found)
    for name, mode in found.items():
        assert mode & 0o007 == 0, (name, oct(mode))
        if not name.startswith("cache.db") and name not in (".", "objects"):  # those two a group may pass through
            assert mode & 0o077 == 0, (name, oct(mode))


async def test_no_secret_is_told_to_readers() -> None:
    """Guards the forge's token, the webhooks' secret and readers' tokens against every page that tells of troubles."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            reader = await token(daemon)
            secrets = (place.forge.token, SECRET, reader)
            place.forge.faults.set(Fault("status", match="repos/search", status=403))
            await daemon.command("sweep", deep=True)
            bearer = {"Authorization": f"Bearer {reader}"}
            for path in ("/metrics", "/api/v1/status", "/api/v1/findings", "/api/v1/openapi.json", "/console/",
                         "/console/findings", "/console/repositories", "/healthz", "/readyz"):  # fmt: skip
                for headers in ({}, bearer):
                    async with daemon.session.get(f"{daemon.url}{path}", headers=headers) as answer:
                        text = await answer.text()
                        assert not any(secret in text for secret in secrets), path


async def test_a_token_in_an_address_opens_nothing(daemon: Daemon) -> None:
    """Guards tokens against the logs of proxies and the history of browsers: nobody may get used to sending them so."""
    secret = await token(daemon)
    for name in ("token", "access_token", "api_key", "private_token"):
        async with daemon.session.get(f"{daemon.url}/api/v1/rfcs?{name}={secret}") as answer:
            assert answer.status == 400, name
            assert secret not in await answer.text()
