"""A place that is well, for tests to break in one respect: a stand-in forge, a configuration, and who stands between.

`Place.doctor` runs the command as people do, and gives what it found; `named` holds one result to what every broken
set-up must get: one line that names it, one with the remedy, nothing else that fails for the same cause, no traceback
and no secret.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import ssl
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import pytest
import structlog
import trustme
from aiohttp import ClientError, ClientSession, web
from click.testing import CliRunner

from daemon.blocks import load_blocks
from daemon.cli import main
from daemon.config import load
from daemon.config.secret_files import read_secrets
from daemon.doctor.result import Result
from daemon.serving import Served, serving
from gitea_client.fake import StandIn

READ = ("read:repository", "read:issue", "read:organization", "read:user")
SECRET = "what-only-the-two-of-them-know"
ROOT = Path(__file__).parents[2]
PATIENCE = 60.0

CONFIG = """\
data_dir = "data"
listen = "127.0.0.1:{port}"
{top}
[forge]
url = "{url}"
token_file = "token"
webhook_secret_file = "secret"
owners = [{owners}]
timeout = "5s"
{forge}
[[profiles]]
use = "{profile}"
meta = "{meta}"
"""


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Found:
    """What doctor found."""

    def __init__(self, ran: Ran, secrets: list[str]) -> None:
        self.code, self.out, self.err = ran
        assert "Traceback" not in self.out + self.err, self.out + self.err
        assert not [secret for secret in secrets if secret in self.out + self.err]
        assert self.err == "" or self.code == 2, self.err
        document = json.loads(self.out)
        assert set(document) == {"well", "checks"}
        self.well: bool = document["well"]
        self.results = [Result(**{"remedy": "", **each}) for each in document["checks"]]
        for result in self.results:
            assert "\n" not in result.what + result.remedy
            assert bool(result.remedy) or result.status in ("ok", "skip"), result

    def of(self, check: str) -> list[Result]:
        """The results of one check."""
        return [result for result in self.results if result.check == check]

    def one(self, check: str) -> Result:
        """The one result of a check."""
        (result,) = self.of(check)
        return result

    def bad(self, *statuses: str) -> list[Result]:
        """Those that failed (or have one of `statuses`)."""
        return [result for result in self.results if result.status in (statuses or ("fail",))]

    def named(self, check: str, *words: str, remedy: str = "") -> Result:
        """The one failure there is: it is told under `check`, in these words, with this remedy."""
        assert (self.code, self.well) == (1, False), self.out
        failed = self.bad()
        assert [result.check for result in failed] == [check], failed
        _speaks(failed[0], words, remedy)
        return failed[0]

    def warned(self, check: str, *words: str, remedy: str = "") -> Result:
        """Nothing failed, and of this check there is one warning."""
        assert (self.code, self.well) == (0, True), self.out
        (result,) = [each for each in self.bad("warn") if each.check == check]
        _speaks(result, words, remedy)
        return result

    def healthy(self) -> None:
        """Nothing failed and nothing is warned of."""
        assert (self.code, self.well) == (0, True), self.out
        assert self.bad("warn") == [], self.out


def _speaks(result: Result, words: tuple[str, ...], remedy: str) -> None:
    for word in words:
        assert word in result.what, result
    assert remedy in result.remedy, result
    assert result.remedy


class Place:
    """A forge with an organisation, its meta repository and a webhook; a configuration that fits it.

    What the daemon is given may read alone; `admin` is a file with a token that may do everything.
    """

    def __init__(self, *, flavour: str = "gitea", clock: Callable[[], datetime] | None = None) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="doc-"))
        self.forge = StandIn(self.root / "forge", flavour=flavour, clock=clock)
        self.config_file, self.data_dir = self.root / "forgeglass.toml", self.root / "data"
        self.token_file, self.secret_file, self.admin = self.root / "token", self.root / "secret", self.root / "admin"
        self.port = free_port()
        self.secrets = [SECRET]

    async def __aenter__(self) -> Self:
        await self.forge.start()
        self.forge.create_organization("acme")
        await self.forge.create_repository("acme/meta")
        await self.forge.commit("acme/meta", {"rfcs/one.md": "---\ntitle: One\nstate: idea\n---\n"}, author="ada")
        self.forge.add_hook("acme", f"http://127.0.0.1:{self.port}/webhooks/gitea", SECRET)
        token = self.forge.create_token("root1", READ)
        for path, text in ((self.token_file, token), (self.secret_file, SECRET), (self.admin, self.forge.token)):
            path.write_text(text + "\n")
            path.chmod(0o600)
        self.secrets += [token, self.forge.token]
        self.configure()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.forge.stop()
        finally:
            structlog.reset_defaults()
            shutil.rmtree(self.root)

    def configure(
        self, *, url: str = "", owners: str = "acme", profile: str = "rfc", meta: str = "acme/meta", top: str = "",
        forge: str = "",
    ) -> None:  # fmt: skip
        """Write the configuration; `top` and `forge` are further lines of it."""
        text = CONFIG.format(
            port=self.port, url=url or self.forge.url, owners=", ".join(f'"{owner}"' for owner in owners.split()),
            profile=profile, meta=meta, top=top, forge=forge,
        )  # fmt: skip
        self.config_file.write_text(text)

    def scoped(self, *scopes: str) -> None:
        """Give the daemon a token of these scopes."""
        token = self.forge.create_token("root1", scopes)
        self.secrets.append(token)
        self.token_file.write_text(token)

    @property
    def hook(self) -> Any:
        """The organisation's webhook on the forge."""
        return next(iter(self.forge.world.hooks.values()))

    async def doctor(self, *arguments: str, environ: dict[str, str] | None = None) -> Found:
        """The command in this process, on a thread with an event loop of its own."""
        ran = await self.command("doctor", "--json", *arguments, environ=environ)
        return Found(ran, self.secrets)

    async def command(self, *arguments: str, environ: dict[str, str] | None = None) -> Ran:
        """Any command, as people run it but for the process."""
        line = ["--config", str(self.config_file), *arguments]
        result = await asyncio.to_thread(CliRunner().invoke, main, line, env=environ)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    async def spawn(self, *arguments: str, bound: bool = False, **environ: str) -> Ran:
        """Any command in a process of its own; `bound` by permissions even where root runs it."""
        return await spawn("--config", str(self.config_file), *arguments, bound=bound, cwd=self.root, **environ)

    def refused(self, ran: Ran, *words: str) -> None:
        """A command that could not start said so in one line, with these words, and no more."""
        assert ran.code == 2, ran
        assert ran.out == ""
        lines = [line for line in ran.err.splitlines() if line.strip()]
        assert len(lines) == 1, ran.err
        for word in words:
            assert word in lines[0]
        assert not [secret for secret in self.secrets if secret in ran.err]

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[Served]:
        """A daemon inside this process."""
        config = load(self.config_file, {})
        async with serving(config, read_secrets(config, {}), load_blocks(config), scheduled=False) as served:
            yield served


BOUND = """
import ctypes, os, sys
for capability in (1, 2, 3):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
    if ctypes.CDLL(None).prctl(24, capability, 0, 0, 0):  # PR_CAPBSET_DROP: what is executed next lacks it
        sys.exit(77)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""Root may read and write whatever permissions say; without these capabilities (capabilities(7)) it may not."""


async def spawn(*line: str, bound: bool = False, cwd: Path | None = None, **environ: str) -> Ran:
    """The command in a process of its own; `bound` by permissions even where root runs it."""
    before = ["-c", BOUND] if bound and os.geteuid() == 0 else []
    made = await asyncio.create_subprocess_exec(
        sys.executable, *before, "-c", "from forgeglass import main; main()", *line,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ}, cwd=cwd,
    )  # fmt: skip
    async with asyncio.timeout(PATIENCE):
        out, err = await made.communicate()
    assert made.returncode is not None
    if before and made.returncode == 77:
        pytest.skip("this root may not give up its capabilities")
    return Ran(made.returncode, out.decode(), err.decode())


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


# ------------------------------------------------------------------------------------------------ who stands between


@asynccontextmanager
async def listening(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """A web server whose every answer `handler` gives; its address."""
    app = web.Application(client_max_size=1 << 24)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


PASSED_ON = ("content-type", "date", "location", "x-total-count", "link")


@asynccontextmanager
async def proxied(target: str, rewrite: Callable[[str], str | web.Response | None] = str) -> AsyncIterator[str]:
    """A reverse proxy before `target`; `rewrite` gives the path to hand on, an answer, or None for a 404."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(ClientSession(auto_decompress=False))

        async def handle(request: web.Request) -> web.StreamResponse:
            path = rewrite(request.path_qs)
            if isinstance(path, web.Response):
                return path
            if path is None:
                return web.Response(status=404, text="<html>nothing here</html>", content_type="text/html")
            headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
            body = await request.read()
            try:
                async with session.request(
                    request.method, target + path, headers=headers, data=body, allow_redirects=False
                ) as answer:
                    kept = {name: value for name, value in answer.headers.items() if name.lower() in PASSED_ON}
                    return web.Response(status=answer.status, body=await answer.read(), headers=kept)
            except ClientError:  # no such server: what a proxy says then
                return web.Response(status=502)

        yield await stack.enter_async_context(listening(handle))


def below(prefix: str) -> Callable[[str], str | None]:
    """A proxy's rule: what is below `prefix` is handed on without it, nothing else is."""
    return lambda path: path.removeprefix(prefix) if path.startswith(f"{prefix}/") else None


@asynccontextmanager
async def tls(target: str, context: ssl.SSLContext) -> AsyncIterator[str]:
    """What is before `target` ends TLS and hands on the bytes; its address."""
    port = int(target.rpartition(":")[2])
    busy: set[asyncio.Task[Any]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, back), pump(there, writer))

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        busy.add(task)
        task.add_done_callback(busy.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(busy):
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)


class Authority:
    """An authority of its own, and servers' certificates signed by it."""

    def __init__(self, root: Path) -> None:
        self.ca = trustme.CA()
        self.file = root / "authority.pem"
        self.ca.cert_pem.write_to_path(self.file)

    def context(self, *names: str, not_after: datetime | None = None) -> ssl.SSLContext:
        """What a server presents that stands for these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*names, not_after=not_after).configure_cert(context)
        return context

    def itself(self, root: Path) -> ssl.SSLContext:
        """What a server presents whose certificate is signed by itself."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile(dir=root, suffix=".pem") as file:
            file.write(self.ca.private_key_pem.bytes() + self.ca.cert_pem.bytes())
            file.flush()
            context.load_cert_chain(file.name)
        return context


@contextmanager
def taken(port: int) -> Iterator[None]:
    """Somebody else listens on the port."""
    with socket.create_server(("127.0.0.1", port)):
        yield
