"""Run the stand-in by itself: `python -m gitea_client.fake --sample`. Ctrl-C stops it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
from pathlib import Path

import click

from .sample import plant
from .standin import StandIn


@click.command()
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), help="An empty directory to keep it in.")
@click.option("--port", default=3000, show_default=True, help="The port on 127.0.0.1; 0 picks a free one.")
@click.option("--flavour", type=click.Choice(["gitea", "gitea-1.26", "forgejo"]), default="gitea", show_default=True)
@click.option("--organization", default="acme", show_default=True, help="An organization to begin with.")
@click.option("--sample", is_flag=True, help="Begin with a few repositories, entries and pull requests.")
def main(root: Path | None, port: int, flavour: str, organization: str, sample: bool) -> None:
    """Serve a stand-in for Gitea or Forgejo, to try applications against. Nothing of it outlives the process."""
    with contextlib.ExitStack() as stack:
        place = root or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="standin-")))
        try:
            asyncio.run(serve(StandIn(place, flavour=flavour, port=port), organization, sample=sample))
        except OSError as error:
            raise click.ClickException(f"cannot listen on port {port}, or use {place}: {error}") from error


async def serve(forge: StandIn, organization: str, *, sample: bool) -> None:
    """Run until the process is told to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with forge:
        forge.create_organization(organization)
        if sample:
            await plant(forge, organization)
        click.echo(f"address       {forge.url}")
        click.echo(f"user          root1\ntoken         {forge.token}")
        click.echo(f"organization  {organization}")
        for name in sorted(r.full_name for r in forge.world.repositories.values()):
            click.echo(f"  git clone {forge.url.replace('//', '//root1:TOKEN@')}/{name}.git")
        await stop.wait()
        click.echo("stopped")


if __name__ == "__main__":
    main()
