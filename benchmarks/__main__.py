"""Both ways of filling a cache, side by side on one server: `python -m benchmarks [--url URL --token-file FILE]`.

Without a server given, the stand-in is measured. Seconds are of this machine and this run: read the ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from benchmarks import by_contents
from benchmarks.forge import Forge
from benchmarks.organisation import Size, build, entry
from daemon.blocks import load_blocks
from daemon.clock import utc_now
from daemon.commands import sweep, verify
from daemon.config import load
from daemon.engine import Engine, engine
from gitea_client.fake import StandIn
from gitea_client.objects import ObjectStore
from gitea_client.refs import ls_refs
from gitea_client.secret import Secret

CONFIG = """
data_dir = "data"
listen = "127.0.0.1:0"
[forge]
url = "{url}"
token_file = "token"
owners = ["{owner}"]
[sweep]
interval = "60s"
deep_interval = "1h"
overlap = "{overlap}"
[[profiles]]
use = "rfc"
meta = "{owner}/meta"
bot = "rfcbot"
"""


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--url", help="a live server; the stand-in otherwise")
    parser.add_argument("--token-file", type=Path)
    parser.add_argument("--owner", default="bench")
    parser.add_argument("--entries", type=int, default=1000)
    parser.add_argument("--repositories", type=int, default=40)
    parser.add_argument("--pushes", type=int, default=15)
    parser.add_argument("--skip-build", action="store_true", help="the organisation is on the server already")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    size = Size(entries=given.entries, repositories=given.repositories)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="forgeglass-bench-")))
        if given.url:
            url, token = given.url, given.token_file.read_text().strip()
        else:
            stand_in = await stack.enter_async_context(StandIn(folder / "forge"))
            url, token = stand_in.url, stand_in.token
        forge = await stack.enter_async_context(Forge(url, token, folder))
        if not given.skip_build:
            await build(forge, given.owner, size)
        measured = await measure(forge, given.owner, size, folder, given.pushes)
    print(json.dumps(measured) if given.json else table(measured))


async def measure(forge: Forge, owner: str, size: Size, folder: Path, pushes: int) -> dict[str, Any]:
    """Every figure of the table."""
    (folder / "token").write_text(forge.token)
    (folder / "forgeglass.toml").write_text(CONFIG.format(url=forge.url, owner=owner, overlap="1s"))
    config = load(folder / "forgeglass.toml", {})
    old = await by_contents.sweep(forge.url, forge.token, owner)
    async with engine(config, Secret(forge.token), load_blocks(config), utc_now, spacing=0) as opened:
        cold, _ = await sweep(opened, {}, _ignore)
        await asyncio.sleep(2.5)  # past the overlap
        await sweep(opened, {}, _ignore)
        quiet, _ = await sweep(opened, {}, _ignore)
        await _push(forge, owner, size, 1, f"Changed once, at {time.time_ns()}.")
        await asyncio.sleep(3)  # the forge notes a push up to a second or two after it
        one, _ = await sweep(opened, {}, _ignore)
        lags, floors = await _lags(opened, forge, owner, size, folder, pushes)
        proof, _ = await verify(opened, {}, _ignore)
    return {
        "entries": size.entries,
        "repositories": size.repositories,
        "by contents API": {"requests": old.requests, "seconds": round(old.seconds, 2)},
        "cold build": {"requests": sum(cold["requests"].values()), "seconds": cold["seconds"]},
        "quiet sweep": {"requests": sum(quiet["requests"].values()), "seconds": quiet["seconds"]},
        "one entry changed": {"requests": sum(one["requests"].values()), "seconds": one["seconds"]},
        "push to row": {"median": round(statistics.median(lags), 4)},
        "ls-refs + fetch": {"median": round(statistics.median(floors), 4)},
        "verified equal": proof["equal"],
    }


def table(measured: dict[str, Any]) -> str:
    """The figures as people read them."""
    old, cold = measured["by contents API"], measured["cold build"]
    lines = [
        f"{measured['entries']} entries, {measured['repositories']} entry repositories",
        "",
        f"{'':24}{'requests':>10}{'seconds':>10}{'of the first':>14}",
        f"{'by contents API':24}{old['requests']:>10}{old['seconds']:>10.2f}{'1':>14}",
    ]
    for name in ("cold build", "quiet sweep", "one entry changed"):
        row = measured[name]
        ratio = f"1/{old['seconds'] / row['seconds']:.0f}" if row["seconds"] else "-"
        lines.append(f"{name:24}{row['requests']:>10}{row['seconds']:>10.3f}{ratio:>14}")
    lag, floor = measured["push to row"]["median"], measured["ls-refs + fetch"]["median"]
    lines += [
        "",
        f"cold build: {cold['requests'] / old['requests']:.2f} of the requests, "
        f"{old['seconds'] / cold['seconds']:.1f} times faster",
        f"push to row (median): {lag * 1000:.0f} ms, {lag / floor:.2f} times one ls-refs plus one fetch "
        f"({floor * 1000:.0f} ms)",
        f"verified equal: {measured['verified equal']}",
    ]
    return "\n".join(lines)


async def _push(forge: Forge, owner: str, size: Size, number: int, text: str) -> str:
    """Push a new version of one entry, made on top of what the server has."""
    local = forge.work / "pusher"
    if not local.exists():
        await forge.git("clone", "--quiet", "--depth", "1", f"{forge.url}/{owner}/meta.git", str(local))
    (local / f"rfcs/entry-{number:04}.md").write_bytes(entry(owner, number, size, text))
    await forge.git("commit", "--quiet", "--all", "--message", text, cwd=local)
    await forge.git("push", "--quiet", "origin", "main", cwd=local)
    return await forge.git("rev-parse", "HEAD", cwd=local)


async def _lags(
    opened: Engine, forge: Forge, owner: str, size: Size, folder: Path, pushes: int
) -> tuple[list[float], list[float]]:
    """From a push's end to its row, and what ls-refs and one fetch alone take, in turn."""
    from daemon.waiting import Waiting

    waiting = Waiting(opened.desk.reconciler, time.monotonic)
    name = f"{owner}/meta"
    transport = opened.forge.transport
    store = ObjectStore(folder / "floor.git", counter=transport.counter)
    await store.ensure()
    lags, floors = [], []
    for i in range(pushes):
        commit = await _push(forge, owner, size, 2, f"Push {i}, at {time.time_ns()}.")
        began = time.perf_counter()
        found = await waiting.wait_for(name, commit, 10)
        lags.append(time.perf_counter() - began)
        assert found.seen, found
        began = time.perf_counter()
        listing = await ls_refs(transport, name)
        await store.fetch(
            transport.git_url(name), sorted(listing.branches.values()), token=transport.token,
            filter="blob:limit=1000000", slot=transport.slot, tips=list(listing.branches.values()),
        )  # fmt: skip
        if i:  # the first fetch brings everything
            floors.append(time.perf_counter() - began)
    return lags, floors


def _ignore(_progress: object) -> None:
    return None


if __name__ == "__main__":
    asyncio.run(main())
