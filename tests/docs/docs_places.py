"""Where pages are run: the forge of somebody who has never heard of us, and a running demo."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from docs_pages import ROOT
from docs_shell import free_port

from gitea_client.fake import StandIn
from gitea_client.fake.sample import plant

READS = ("read:repository", "read:issue", "read:organization", "read:user")
"""The rights that the README tells people to give."""

WRITES = ("write:organization", "write:repository")
"""The rights of the second token, with which webhooks are made and tested."""

HANDBOOK = {
    "README.md": "# Handbook\n\nHow we work.\n",
    "handbook/holidays.md": "---\ntitle: Holidays\nowner: ada\ntags: [people]\n---\nThirty days.\n",
    "handbook/on-call.md": "---\ntitle: On call\nowner: grace\ntags: [people, service]\n---\nA week each.\n",
    "handbook/releases.md": "---\ntitle: Releases\nowner: ada\n---\nOn Tuesdays.\n",
}


def decision(number: int, title: str, status: str) -> str:
    """A record as Nygard's template has it."""
    return (
        f"# {number}. {title}\n\nDate: 2025-0{number}-01\n\n## Status\n\n{status}\n\n## Context\n\nWe had to choose.\n"
    )


DECISIONS = {
    "shop": {
        "doc/adr/0001-keep-records.md": decision(1, "Keep records", "Accepted"),
        "doc/adr/0002-use-postgresql.md": decision(2, "Use PostgreSQL", "Superseded by [3](0003-use-sqlite.md)"),
        "doc/adr/0003-use-sqlite.md": decision(3, "Use SQLite", "Accepted"),
    },
    "billing": {
        "doc/adr/0001-bill-monthly.md": decision(1, "Bill monthly", "Accepted"),
        "doc/adr/0002-bill-in-cents.md": decision(2, "Bill in cents", "Proposed"),
    },
}


@asynccontextmanager
async def stranger(place: Path, root: Path) -> AsyncIterator[StandIn]:
    """A forge with the organisation acme under `root`, and the two tokens in the folder `place`."""
    async with StandIn(root) as forge:
        forge.create_organization("acme")
        await plant(forge, "acme")
        await forge.create_repository("acme/handbook")
        await forge.commit("acme/handbook", HANDBOOK, message="Begin the handbook")
        for name, files in DECISIONS.items():
            await forge.create_repository(f"acme/{name}")
            await forge.commit(f"acme/{name}", files, message="Record decisions")
            forge.set_topics(f"acme/{name}", ["decisions"])
        for name, value in (
            ("token", forge.create_token("forgeglass", READS)),
            ("admin-token", forge.create_token("root1", (*READS, *WRITES))),
        ):
            (place / name).touch(mode=0o600)
            (place / name).write_text(value + "\n")
        yield forge


@contextmanager
def running_demo(place: Path) -> Iterator[tuple[str, str]]:
    """A demo in `place/.demo`, left alone: `host:port` of Forgeglass and of the forge."""
    options = ("demo", "--still", f"--port={free_port()}", "--forge-port=0")
    with subprocess.Popen(
        [sys.executable, "-c", "from daemon.cli import main; main()", *options],
        cwd=place, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                if "git clone" in line:
                    break
            found = re.search(r"Forgeglass +http://(\S+)", said), re.search(r"http://(?:[^@\s]+@)?(\S+?)/acme/", said)
            assert found[0] and found[1], said
            yield found[0][1], found[1][1]
        finally:
            process.terminate()
            process.communicate()
