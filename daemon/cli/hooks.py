"""`forgeglass hooks`: the webhooks on the forge, shown and put in order."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

if TYPE_CHECKING:
    from daemon.cli.command import Context
    from daemon.hooks.outcome import Outcome
    from daemon.hooks.sync import Options

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
_token = click.option(
    "--token-file", type=click.Path(path_type=Path, dir_okay=False),
    help="A file with a token that may do more than the daemon's; used for this one run.",
)  # fmt: skip
_scope = click.option(
    "--scope", type=click.Choice(["auto", "organization", "user", "repository"]), default="auto", show_default=True,
    help="Where webhooks are made: one for each owner or repository; auto takes the best that the token may.",
)  # fmt: skip


@click.group()
def hooks() -> None:
    """Show the webhooks on the forge, and put them in order."""


@hooks.command("list")
@_token
@_scope
@_json
@click.pass_obj
def list_(context: Context, token_file: Path | None, scope: str, as_json: bool) -> None:
    """Show the webhooks that lead here, and what is wrong with them."""
    from daemon.hooks.sync import Options

    _run(context, token_file, Options(choice=scope), as_json, verb="list")  # type: ignore[arg-type]  # click checked it


@hooks.command()
@click.option("--apply", is_flag=True, help="Do it; without this it only says what it would do.")
@click.option("--replace-unknown", is_flag=True, help="Replace webhooks that we did not make: their secret is unknown.")
@click.option("--new-secret", is_flag=True, help="Renew the secret first, if it made itself; the old one stays valid.")
@_token
@_scope
@_json
@click.pass_obj
def sync(
    context: Context, apply: bool, replace_unknown: bool, new_secret: bool, token_file: Path | None, scope: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Make the webhooks on the forge what they should be; nobody else's are touched."""
    from daemon.hooks.sync import Options

    if new_secret and not apply:
        raise click.UsageError("--new-secret needs --apply: webhooks made with the old secret are replaced")
    options = Options(apply=apply, choice=scope, replace_unknown=replace_unknown)  # type: ignore[arg-type]  # click checked it
    _run(context, token_file, options, as_json, verb="sync", new_secret=new_secret)


def _run(
    context: Context, token_file: Path | None, options: Options, as_json: bool, *, verb: str, new_secret: bool = False
) -> None:
    from daemon.cli.progress import ProgressLine
    from daemon.cli.run import Expected
    from daemon.hooks.outcome import as_json as built
    from daemon.hooks.running import run

    config = context.config()
    try:
        with ProgressLine(sys.stderr) as progress:
            outcome: Outcome = run(config, os.environ, token_file, options, progress.tell, new_secret=new_secret)
    except Expected as error:
        click.echo(f"forgeglass: {error}", err=True)
        sys.exit(error.code)
    except KeyboardInterrupt:
        sys.exit(130)
    if as_json or context.as_json:
        click.echo(msgspec.json.encode(built(outcome)).decode())
    else:
        _show(outcome, verb)
    sys.exit(outcome.code)


def _show(outcome: Outcome, verb: str) -> None:
    from daemon.hooks.telling import lines, troubles

    for line in lines(outcome, verb):
        click.echo(line)
    for line in troubles(outcome):
        click.echo(line, err=True)
