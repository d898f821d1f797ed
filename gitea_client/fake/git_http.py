"""Git's smart HTTP: the stand-in runs `git upload-pack` and `git receive-pack` themselves, one process a request.

As on the servers, a failure inside git is answered 200 with an empty body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from .pushes import compare_refs
from .state import Repository

if TYPE_CHECKING:
    from .standin import StandIn

SERVICES = ("git-upload-pack", "git-receive-pack")
NO_CACHE = {"Cache-Control": "no-cache, max-age=0, must-revalidate", "Pragma": "no-cache"}


def add_routes(app: web.Application, forge: StandIn) -> None:
    handler = GitHttp(forge)
    app.router.add_get("/{owner}/{name}.git/info/refs", handler.advertise)
    app.router.add_post("/{owner}/{name}.git/git-upload-pack", handler.upload)
    app.router.add_post("/{owner}/{name}.git/git-receive-pack", handler.receive)


def packet(text: str) -> bytes:
    """A pkt-line: four hexadecimal digits of length, then the text."""
    return f"{len(text) + 4:04x}{text}".encode()


LS_REFS = packet("command=ls-refs\n")


class GitHttp:
    """The three routes that a git client asks."""

    def __init__(self, forge: StandIn) -> None:
        self._forge = forge

    async def advertise(self, request: web.Request) -> web.Response:
        """GET info/refs?service=…: the refs, or with protocol 2 the capabilities."""
        service = request.query.get("service", "")
        if service not in SERVICES:
            return web.Response(status=403, text="only the smart protocol is served")
        repository = self._forge.access.git_repository(request, write=service == "git-receive-pack")
        version_two = self._version_two(request, service)
        ask = repository.git.of_itself if version_two else repository.git.of_refs
        arguments = [service.removeprefix("git-"), "--stateless-rpc", "--advertise-refs", str(repository.path)]
        done = await ask(arguments, b"", self._protocol(request))
        greeting = packet(f"# service={service}\n") + b"0000" if not version_two else b""
        body = greeting + done.stdout if done.returncode == 0 else b""
        return web.Response(body=body, content_type=f"application/x-{service}-advertisement", headers=NO_CACHE)

    async def upload(self, request: web.Request) -> web.Response:
        """POST git-upload-pack: ls-refs and fetch."""
        repository = self._forge.access.git_repository(request, write=False)
        return await self._run(request, "git-upload-pack", repository)

    async def receive(self, request: web.Request) -> web.Response:
        """POST git-receive-pack: take a push, then do what a forge does after one."""
        repository = self._forge.access.git_repository(request, write=True)
        if repository.archived:
            return web.Response(status=403, text="the repository is archived")
        pusher = self._forge.access.user(request)
        if pusher is None:
            raise web.HTTPUnauthorized
        async with self._forge.lock:
            before = repository.git.refs()
            response = await self._run(request, "git-receive-pack", repository)
            await self._forge.pushed(repository, compare_refs(before, repository.git.refs()), pusher)
        return response

    async def _run(self, request: web.Request, service: str, repository: Repository) -> web.Response:
        body = await request.read()
        ask = repository.git.of_refs if body.startswith(LS_REFS) else repository.git.process
        arguments = [service.removeprefix("git-"), "--stateless-rpc", str(repository.path)]
        done = await ask(arguments, body, self._protocol(request))
        return web.Response(body=done.stdout, content_type=f"application/x-{service}-result", headers=NO_CACHE)

    @staticmethod
    def _protocol(request: web.Request) -> dict[str, str]:
        version = request.headers.get("Git-Protocol", "")
        return {"GIT_PROTOCOL": version} if version else {}

    @staticmethod
    def _version_two(request: web.Request, service: str) -> bool:
        return service == "git-upload-pack" and "version=2" in request.headers.get("Git-Protocol", "")
