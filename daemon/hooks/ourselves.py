"""The owner of `data_dir` where no daemon runs: an engine of our own, imported with all that it is made of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from daemon.blocks import load_blocks
from daemon.clock import utc_now
from daemon.commands import COMMANDS
from daemon.config import Config
from daemon.config.secret_files import Secrets
from daemon.engine import Engine, engine
from daemon.hooks.secret import Random, is_own, renewed
from gitea_client.secret import Secret


@asynccontextmanager
async def ourselves(config: Config, secrets: Secrets) -> AsyncIterator[Ourselves]:
    """Own it. Raises what `engine` raises."""
    async with engine(config, secrets.token, load_blocks(config), utc_now) as opened:
        yield Ourselves(opened)


class Ourselves:
    """Nobody but this command. A daemon reads the secrets when it starts."""

    def __init__(self, opened: Engine) -> None:
        self._engine = opened

    async def ask(self, command: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return (await COMMANDS[command](self._engine, arguments, lambda _progress: None))[0]

    async def accepts(self, secret: bytes, salt: str) -> bool:
        return True

    async def secret(self) -> Secret | None:
        return None

    async def renew(self, secrets: Secrets, random: Random) -> bool:
        if not is_own(self._engine.config, secrets):
            return False
        renewed(self._engine.config, secrets, random)
        return True
