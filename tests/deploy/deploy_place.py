"""A forge and a daemon for tests of what surrounds a daemon; each place is an empty folder."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from daemon.blocks import load_blocks
from daemon.config import Config, load
from daemon.config.secret_files import read_secrets
from daemon.serving import Served, serving
from gitea_client.fake import StandIn

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SECRET = "between-forge-and-daemon"
META = "acme/meta"


async def planted(forge: StandIn, entries: int = 3) -> None:
    """An organisation with a meta repository that holds `entries` entries, and one entry's own repository."""
    forge.create_organization("acme")
    await forge.create_repository(META)
    await forge.create_repository("acme/home")
    await forge.commit("acme/home", {"RFC.md": "# First\n"})
    await forge.commit(META, {f"rfcs/r{n}.md": entry(f"Entry {n}") for n in range(entries)})


def entry(title: str) -> str:
    """A well-formed entry."""
    return f"---\ntitle: {title}\nstate: idea\n---\nText.\n"


def configuration(place: Path, forge: StandIn, *lines: str, data_dir: str = "data") -> Config:
    """Write a configuration into `place`, with its secrets; `lines` come first in the file."""
    place.mkdir(exist_ok=True)
    for name, text in (("token", forge.token), ("secret", SECRET)):
        (place / name).write_text(text)
        (place / name).chmod(0o600)
    text = "\n".join((
        *lines, f'data_dir = "{data_dir}"', 'listen = "127.0.0.1:0"',
        "[forge]", f'url = "{forge.url}"', 'token_file = "token"', 'webhook_secret_file = "secret"',
        'owners = ["acme"]', "[[profiles]]", 'use = "rfc"', f'meta = "{META}"',
    ))  # fmt: skip
    (place / "forgeglass.toml").write_text(text)
    return load(place / "forgeglass.toml", {})


@asynccontextmanager
async def daemon(config: Config) -> AsyncIterator[Served]:
    """A daemon that sweeps only when a test asks for it."""
    async with serving(config, read_secrets(config, {}), load_blocks(config), spacing=0, scheduled=False) as served:
        yield served


def free_port() -> int:
    """A port of this machine that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that only looking tells."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


def answers(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def is_root() -> bool:
    """Whether the tests run as root."""
    return os.geteuid() == 0
