"""Running a page: its blocks become one script, line for line where they stand on the page."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from docs_pages import ROOT, Block

HERE = Path(__file__).parent
FORGE = "https://git.example.org"
"""The stranger's forge, as pages write it."""
DAEMON = "https://forgeglass.example.org"
"""The stranger's daemon behind a proxy, as pages write it."""
USUAL = "127.0.0.1:8088"

_LOCAL = re.compile(r"\b(?:127\.0\.0\.1|localhost|0\.0\.0\.0):([0-9]{4,5})\b")
_EXITS = re.compile(r"( *)(.+?) +#.*\bexit code ([0-9]+)\b.*")
_STOP = re.compile(r"( *)#.*Ctrl-C.*")


@dataclass(frozen=True)
class Addresses:
    """What the addresses on a page are in the test: "https://git.example.org", and `host:port` by port."""

    forge: str
    local: Mapping[str, str]


def addresses(forge: str, blocks: Sequence[Block], **known: str) -> Addresses:
    """A free port for every port that the blocks name, and for the usual one; `known` for those that are taken."""
    ports = {"8088", *(port for block in blocks for port in _LOCAL.findall(block.text))}
    given = {name.removeprefix("port_"): address for name, address in known.items()}
    return Addresses(forge, {**{port: f"127.0.0.1:{free_port()}" for port in ports}, **given})


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def script(blocks: Sequence[Block], where: Addresses) -> str:
    """The blocks as one script; line N of it is line N of the page, so that bash names the page's lines."""
    lines: list[str] = []
    for block in blocks:
        lines += [""] * (block.line - 1 - len(lines))
        lines += [line_of_script(line, where) for line in block.text.splitlines()]
    return "\n".join(lines) + "\n"


def line_of_script(line: str, where: Addresses) -> str:
    """One line of a page as it is run."""
    if stop := _STOP.fullmatch(line):
        return f"{stop[1]}stop_daemons"
    line = line.replace(".venv/bin/", "").replace(FORGE, where.forge).replace(DAEMON, f"http://{where.local['8088']}")
    line = _LOCAL.sub(lambda match: where.local.get(match[1], match[0]), line)
    if exits := _EXITS.fullmatch(line):
        return f"{exits[1]}exits {exits[3]} {exits[2]}"
    return line


def environment(tools: Path, where: Addresses, **more: str) -> dict[str, str]:
    """The environment of a page's shell; writes the `forgeglass` that it finds into the folder `tools`."""
    command = tools / "forgeglass"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {HERE / "docs_forgeglass.py"} "$@"\n')
    command.chmod(0o755)
    path = f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {
        **os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "LISTEN": where.local["8088"],
        "LOGS": str(tools), "BASH_ENV": str(HERE / "docs_prelude.sh"), "HOME": str(tools), "FORGE": where.forge, **more,
    }  # fmt: skip


async def run(text: str, place: Path, environ: Mapping[str, str], seconds: float = 240) -> tuple[int, str]:
    """Run a script in the folder `place`: its exit code, and all that was said. What it started has ended then."""
    source = Path(environ["LOGS"]) / "page.sh"
    source.write_text(text)
    process = await asyncio.create_subprocess_exec(
        "bash", str(source), cwd=place, env=dict(environ), stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        said, _ = await asyncio.wait_for(process.communicate(), seconds)
    except TimeoutError:
        return 124, f"the page was not done after {seconds:g} seconds"
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.communicate()
    return process.returncode or 0, said.decode(errors="replace")
