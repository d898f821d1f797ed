"""Speaking with whoever owns `data_dir`: the daemon that runs there, or an engine of our own where none does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import msgspec

from cache.installed_hook import InstalledHook, fingerprint
from daemon.config import Config
from daemon.config.secret_files import Secrets
from daemon.control import NotRunningError, run_remote
from daemon.control_socket import SOCKET_NAME
from daemon.hooks.commands import Known
from daemon.hooks.secret import Random
from gitea_client.secret import Secret


class Owner(Protocol):
    """Whoever owns `data_dir`."""

    async def ask(self, command: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run one of `daemon.commands.COMMANDS`."""
        ...

    async def accepts(self, secret: bytes, salt: str) -> bool:
        """Whether deliveries signed with this secret will be taken."""
        ...

    async def secret(self) -> Secret | None:
        """The secret that a daemon uses; None where none runs."""
        ...

    async def renew(self, secrets: Secrets, random: Random) -> bool:
        """Put another secret in place of our own; False where the secret is somebody's."""
        ...


@asynccontextmanager
async def owner_of(config: Config, secrets: Secrets) -> AsyncIterator[Owner]:
    """The owner of `data_dir`. Raises what `engine` and `run_remote` raise."""
    running = _Running(config)
    try:
        await known(running)
    except NotRunningError:
        from daemon.hooks.ourselves import ourselves

        async with ourselves(config, secrets) as alone:
            yield alone
    else:
        yield running


async def known(owner: Owner) -> Known:
    """What is known of webhooks."""
    return msgspec.convert(await owner.ask("hooks-known", {}), Known)


async def note_made(owner: Owner, hook: InstalledHook) -> None:
    """Have a webhook remembered that we made."""
    await owner.ask("hooks-note", {"made": msgspec.to_builtins(hook)})


async def note_gone(owner: Owner, hook_ids: list[int]) -> None:
    """Have webhooks forgotten."""
    if hook_ids:
        await owner.ask("hooks-note", {"gone": hook_ids})


class _Running:
    """A daemon."""

    def __init__(self, config: Config) -> None:
        self._socket = config.data_dir / SOCKET_NAME

    async def ask(self, command: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return (await run_remote(self._socket, command, arguments, lambda _progress: None))[0]

    async def accepts(self, secret: bytes, salt: str) -> bool:
        told = await self.ask("hook-secret", {"salt": salt, "hash": fingerprint(secret, salt)})
        return bool(told["accepted"])

    async def secret(self) -> Secret | None:
        told = (await self.ask("hook-secret", {"reveal": True}))["secret"]
        return Secret(told) if told is not None else None

    async def renew(self, secrets: Secrets, random: Random) -> bool:
        return bool((await self.ask("hook-secret", {"renew": True}))["renewed"])
