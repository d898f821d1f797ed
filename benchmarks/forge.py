"""Driving a forge as a person would: its API and `git push`. Works on the stand-in and on a live server alike."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

import aiohttp

RETRIES = 10
"""The forge's own view of a push lags behind Git by a second or so; until then it answers 404 or 409."""


class Forge:
    """One server, and a token that may do everything."""

    def __init__(self, url: str, token: str, work: Path) -> None:
        self.url = url.rstrip("/")
        self.token = token
        self.work = work
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Forge:
        self._session = aiohttp.ClientSession(headers={"Authorization": f"token {self.token}"})
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def call(self, method: str, path: str, body: object = None, *, patient: bool = True) -> Any:
        """One call of the API; with `patient` tried again while the forge lags behind."""
        assert self._session is not None
        for attempt in range(RETRIES):
            async with self._session.request(method, f"{self.url}/api/v1{path}", json=body) as answer:
                if answer.status < 400:
                    return await answer.json() if answer.content_length != 0 and answer.status != 204 else None
                if not patient or answer.status not in (404, 405, 409, 500) or attempt == RETRIES - 1:
                    raise RuntimeError(f"{method} {path}: {answer.status} {await answer.text()}")
            await asyncio.sleep(0.3)
        return None

    async def git(self, *arguments: str, cwd: Path | None = None, stdin: bytes | None = None) -> str:
        """Run git, with the token in the environment; beside the event loop, on which the stand-in may run."""
        return await asyncio.to_thread(self._git, arguments, cwd, stdin)

    def _git(self, arguments: tuple[str, ...], cwd: Path | None, stdin: bytes | None) -> str:
        environ = {
            **os.environ,
            "GIT_CONFIG_COUNT": "3",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: token {self.token}",
            "GIT_CONFIG_KEY_1": "user.name",
            "GIT_CONFIG_VALUE_1": "Ada",
            "GIT_CONFIG_KEY_2": "user.email",
            "GIT_CONFIG_VALUE_2": "ada@example.org",
        }
        ran = subprocess.run(["git", *arguments], cwd=cwd, input=stdin, env=environ, capture_output=True, check=False)
        if ran.returncode:
            raise RuntimeError(f"git {arguments[0]}: {ran.stderr.decode(errors='replace')}")
        return ran.stdout.decode().strip()

    async def push(self, full_name: str, refspecs: list[str], repository: Path) -> None:
        """Push from a local bare repository."""
        await self.git("push", "--quiet", "--force", f"{self.url}/{full_name}.git", *refspecs, cwd=repository)
