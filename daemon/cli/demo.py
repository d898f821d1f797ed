"""`forgeglass demo`: something to look at, without a forge and without a configuration."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import click

PORT = click.IntRange(0, 65535)


@click.command()
@click.option("--still", is_flag=True, help="Change nothing by itself: no trickle of pushes and merges.")
@click.option("--port", type=PORT, help="Where Forgeglass listens.  [default: 8088, or a free one]")
@click.option("--forge-port", type=PORT, help="Where the forge listens.  [default: 3000, or a free one]")
@click.option(
    "--dir", "root", type=click.Path(path_type=Path, file_okay=False), default=".demo", show_default=True,
    help="Where everything is kept; emptied at the start.",
)  # fmt: skip
@click.option("--for", "seconds", type=click.FloatRange(0), help="Stop by itself after so many seconds.")
@click.option("--pause", type=click.FloatRange(0.01), default=4.0, show_default=True, help="Seconds between changes.")
def demo(
    still: bool, port: int | None, forge_port: int | None, root: Path, seconds: float | None, pause: float
) -> None:
    """Run Forgeglass on a stand-in forge with a small organisation. Ctrl-C stops it."""
    from daemon.cli.run import Expected, guarded
    from daemon.demo.place import PlaceError
    from daemon.demo.running import Options, run

    options = Options(
        root=root,
        port=_port(port, 8088),
        forge_port=_port(forge_port, 3000),
        still=still,
        pause=pause,
        seconds=seconds,
    )
    try:
        guarded(lambda: asyncio.run(run(options, click.echo)))
    except (PlaceError, Expected) as error:
        click.echo(f"forgeglass: {error}", err=True)
        sys.exit(2)


def _port(asked: int | None, usual: int) -> int:
    """The port asked for; else the usual one where it is free, or 0 for any."""
    if asked is not None:
        return asked
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", usual))
        except OSError:
            return 0
    return usual
