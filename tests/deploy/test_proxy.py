"""Behind a real proxy, with our own examples as its configuration: every address leads back through the proxy.

Only what a test must change is changed in an example: where it listens, the certificate, the daemon's port.
"""

from __future__ import annotations

import asyncio
import html
import io
import json
import os
import re
import shutil
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from deploy_place import (
    DEPLOY,
    META,
    ROOT,
    SECRET,
    answers,
    configuration,
    daemon,
    entry,
    free_port,
    is_root,
    planted,
    until,
)
from yarl import URL

from daemon.commands import COMMANDS
from daemon.serving import Served
from gitea_client.fake import StandIn

SEARCHED = f"{os.environ.get('PATH', '')}:/usr/sbin"
PROXIES = {name: shutil.which(name, path=SEARCHED) for name in ("nginx", "caddy")}
"""nginx is there wherever the gate runs (.ci/run); Caddy where somebody has it."""


@dataclass
class Behind:
    """A daemon behind a proxy; `url` is the proxy's, sub-path included."""

    url: str
    served: Served
    forge: StandIn
    session: aiohttp.ClientSession

    async def get(self, path: str, status: int = 200) -> tuple[aiohttp.ClientResponse, Any]:
        """The JSON of an answer that came through the proxy."""
        address = URL(path if path.startswith("http") else self.url + path, encoded=True)
        async with self.session.get(address) as response:
            raw = await response.read()
            assert response.status == status, raw
            assert self.served.url not in raw.decode(), "the daemon's own address was told to a reader outside"
            return response, json.loads(raw) if raw.startswith((b"{", b"[")) else raw


def nginx(place: Path, port: int, target: str) -> list[str]:
    """Our example, in a configuration as small as nginx takes."""
    text = (DEPLOY / "proxy" / "nginx.conf").read_text()
    for said, meant in (
        (r"listen 443 ssl;", f"listen 127.0.0.1:{port};"), (r"ssl_certificate\w* .*", ""),
        (r"127\.0\.0\.1:8088", target),
    ):  # fmt: skip
        text, count = re.subn(said, meant, text)
        assert count
    return _nginx(place, text)


def _nginx(place: Path, text: str) -> list[str]:
    (place / "site.conf").write_text(text)
    folders = " ".join(
        f"{kind}_temp_path {place}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if is_root() else ""
    (place / "nginx.conf").write_text(
        f"{user} daemon off; pid {place}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {folders} include {place}/site.conf; }}\n"
    )
    return [str(PROXIES["nginx"]), "-p", str(place), "-c", str(place / "nginx.conf")]


def caddy(place: Path, port: int, target: str) -> list[str]:
    """Our example, without certificates of its own and without a door for administrators."""
    text = (DEPLOY / "proxy" / "Caddyfile").read_text()
    site = (r"(?m)^tools\.example\.org \{", f"http://127.0.0.1:{port} {{")
    for said, meant in (site, (r"127\.0\.0\.1:8088", target)):
        text, count = re.subn(said, meant, text)
        assert count
    (place / "Caddyfile").write_text("{\n\tadmin off\n}\n" + text)
    return [str(PROXIES["caddy"]), "run", "--adapter", "caddyfile", "--config", str(place / "Caddyfile")]


@asynccontextmanager
async def running(command: list[str], place: Path, port: int) -> AsyncIterator[None]:
    """The proxy, as a process of this user's."""
    environment = {"HOME": str(place), "PATH": SEARCHED}
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=DEVNULL, stderr=DEVNULL)
    try:
        await until(lambda: answers(port) or process.returncode is not None)
        assert process.returncode is None, "the proxy ended at once; run it by hand to read why"
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.fixture(params=["nginx", "caddy"])
async def behind(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Behind]:
    if PROXIES[request.param] is None:
        pytest.skip(f"{request.param} is not installed")
    place, port = tmp_path / "proxy", free_port()
    place.mkdir()
    async with StandIn(tmp_path / "forge") as forge:
        await planted(forge, 5)
        url = f"http://127.0.0.1:{port}/forgeglass"
        believing = 'api = {proxy_addresses = ["127.0.0.1"], proxy_token = "nobody"}'
        config = configuration(tmp_path / "here", forge, f'public_url = "{url}"', believing)
        async with daemon(config) as served, aiohttp.ClientSession() as session:
            await COMMANDS["sweep"](served.engine, {"deep": True}, lambda _progress: None)
            make = {"nginx": nginx, "caddy": caddy}[request.param]
            async with running(make(place, port, served.url.removeprefix("http://")), place, port):
                yield Behind(url, served, forge, session)


async def test_lists_are_followed_from_page_to_page(behind: Behind) -> None:
    """A link that forgot the sub-path leads to somebody else's page, or to none."""
    following: str | None = f"{behind.url}/api/v1/rfcs?limit=2&sort=-key"
    seen = []
    while following is not None:
        response, page = await behind.get(following)
        seen += [item["key"] for item in page["items"]]
        following = str(response.links["next"]["url"]) if "next" in response.links else None
        assert following is None or following.startswith(behind.url)
    assert seen == ["r4", "r3", "r2", "r1", "r0"]


async def test_a_delivery_comes_in_and_its_change_goes_out_at_once(behind: Behind) -> None:
    """A proxy that keeps events back until its buffer is full makes a live page a dead one."""
    async with behind.session.get(f"{behind.url}/api/v1/events") as stream:
        hook = behind.forge.add_hook("acme", f"{behind.url}/webhooks/gitea", SECRET)
        await behind.forge.commit(META, {"rfcs/new.md": entry("New")})
        async with asyncio.timeout(30):
            while (line := await stream.content.readline()) != b"event: change\r\n":
                assert line, "the stream ended"
    await behind.forge.settle()
    assert {delivery.status for delivery in behind.forge.deliveries.sent} <= {200, 202}
    assert behind.forge.deliveries.sent[0].url == hook.url
    await behind.get("/api/v1/rfcs/new")


async def test_the_description_names_the_server_by_its_public_address(behind: Behind) -> None:
    """A client made from it would ask the proxy's root."""
    _, document = await behind.get("/api/v1/openapi.json")
    server = document["servers"][0]["url"]
    assert server == behind.url
    assert "/api/v1/rfcs" in document["paths"]
    await behind.get(f"{server}/api/v1/rfcs")


async def test_a_problem_tells_the_address_that_was_asked(behind: Behind) -> None:
    _, problem = await behind.get("/api/v1/rfcs?stat=idea", status=400)
    assert problem["instance"] == f"{behind.url}/api/v1/rfcs"
    assert problem["type"] == "urn:forgeglass:problem:unknown-parameter"


@pytest.mark.parametrize("page", ["/api/v1/docs", "/api/v1/changes.atom"])
async def test_links_of_a_page_lead_back_through_the_proxy(page: str, behind: Behind) -> None:
    """A page whose style sheet is beside the sub-path comes without it; a feed reader follows a link to nowhere."""
    response, raw = await behind.get(page)
    links = {html.unescape(link) for link in re.findall(r'(?:href|src)="([^"#][^"]*)"', raw.decode())}
    assert links
    for link in links:
        address = str(response.url.join(URL(link)))
        if not address.startswith(behind.forge.url):
            assert address.startswith(f"{behind.url}/")
            await behind.get(address)


async def test_a_slash_in_a_key_stays_what_it_was(behind: Behind) -> None:
    """A proxy that decodes %2F asks for the branches of r1, and is answered."""
    await behind.get("/api/v1/rfcs/r1/branches")
    _, problem = await behind.get("/api/v1/rfcs/r1%2Fbranches", status=404)
    assert "'r1/branches'" in problem["detail"]
    _, found = await behind.get("/api/v1/rfcs?q=Entry%201&limit=1")
    assert [item["key"] for item in found["items"]] == ["r1"]


async def test_a_large_delivery_is_not_stopped_by_the_proxy(behind: Behind) -> None:
    """nginx stops bodies over 1 MB unless told otherwise: a push of many commits would never arrive."""
    body = io.BytesIO(b'{"a": "' + b"x" * 5_000_000 + b'"}')
    async with behind.session.post(f"{behind.url}/webhooks/gitea", data=body) as response:
        assert response.content_type == "application/problem+json", "the proxy answered, not the daemon"
        assert response.status == 401


async def test_nobody_outside_says_who_they_are(behind: Behind) -> None:
    """A daemon that believes the proxy would take a stranger's own word for the proxy's."""
    address = "/api/v1/rfcs"
    for url, status in ((behind.served.url, 401), (behind.url, 200)):
        async with behind.session.get(f"{url}{address}", headers={"Remote-User": "ada"}) as response:
            assert response.status == status, url


async def test_metrics_are_not_for_everyone(behind: Behind) -> None:
    """They name what is kept here; the proxy is where the world comes in."""
    await behind.get("/metrics", status=404)
    await behind.get("/readyz")


@pytest.mark.skipif(PROXIES["nginx"] is None, reason="nginx is not installed")
async def test_nginx_takes_the_example_with_its_certificate(tmp_path: Path) -> None:
    """The lines that the other tests change must be right as well."""
    certificate = trustme.CA().issue_cert("tools.example.org")
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "pem"))
    certificate.private_key_pem.write_to_path(str(tmp_path / "key"))
    text = (DEPLOY / "proxy" / "nginx.conf").read_text()
    text = text.replace("/etc/ssl/tools.example.org.pem", str(tmp_path / "pem"))
    text = text.replace("/etc/ssl/private/tools.example.org.key", str(tmp_path / "key"))
    process = await asyncio.create_subprocess_exec(*_nginx(tmp_path, text), "-t", stderr=asyncio.subprocess.PIPE)
    _, told = await process.communicate()
    assert process.returncode == 0, told.decode()


@pytest.mark.skipif(PROXIES["nginx"] is None, reason="nginx is not installed")
async def test_nginx_takes_the_load_balancer_of_the_page_on_replicas(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "replicas.md").read_text()
    block = re.search(r"```nginx\n(.*?)```", page, re.DOTALL)
    assert block is not None
    command = _nginx(tmp_path, block[1].replace("8088", str(free_port())))
    process = await asyncio.create_subprocess_exec(*command, "-t", stderr=asyncio.subprocess.PIPE)
    _, told = await process.communicate()
    assert process.returncode == 0, told.decode()
