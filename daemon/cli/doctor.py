"""`forgeglass doctor`: what is not as it should be, and how to mend it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from daemon.cli.command import Context
    from daemon.config import Config
    from daemon.doctor.result import Result

WELL, NOT_WELL, UNUSABLE = 0, 1, 2


@click.command()
@click.option(
    "--token-file", type=click.Path(path_type=Path, dir_okay=False),
    help="A file with a token that may do more than the daemon's, for the webhooks and the test delivery.",
)  # fmt: skip
@click.option("--no-delivery", is_flag=True, help="Make no test delivery through the forge.")
@click.option(
    "--wait", type=click.FloatRange(0.1, 15), default=10.0, show_default=True,
    help="Seconds to wait for that delivery.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.pass_obj
def doctor(context: Context, token_file: Path | None, no_delivery: bool, wait: float, as_json: bool) -> None:
    """Look at everything the daemon needs, and say how to mend what is wrong."""
    from daemon.cli.progress import ProgressLine
    from daemon.clock import utc_now
    from daemon.config.errors import BadValueError
    from daemon.doctor.running import run
    from daemon.doctor.show import well

    as_json = as_json or context.as_json
    config = _config(context, as_json)
    try:
        with ProgressLine(sys.stderr) as progress:
            results = run(
                config, os.environ, utc_now, token_file=token_file, deliver=not no_delivery, wait=wait,
                tell=lambda done, of: progress.tell({"what": "looking", "done": done, "of": of}),
            )  # fmt: skip
    except BadValueError as error:
        click.echo(f"forgeglass: --token-file: {error}", err=True)
        sys.exit(UNUSABLE)
    except KeyboardInterrupt:
        sys.exit(130)
    _print(results, as_json)
    sys.exit(WELL if well(results) else NOT_WELL)


def _config(context: Context, as_json: bool) -> Config:
    """The configuration; else every mistake in it is told, and that is the end."""
    from daemon.cli.command import HERE
    from daemon.config import ConfigError, load
    from daemon.doctor.result import fail

    path = context.path or Path(HERE)
    if context.path is None and not path.is_file():
        return context.config()  # says what to do where there is none
    try:
        return load(path, os.environ)
    except ConfigError as error:
        results = [fail("configuration", str(mistake).removesuffix(f"; {mistake.remedy}"), mistake.remedy)
                   for mistake in error.mistakes]  # fmt: skip
        _print(results, as_json)
        sys.exit(UNUSABLE)


def _print(results: list[Result], as_json: bool) -> None:
    import msgspec

    from daemon.doctor.show import document, lines

    click.echo(msgspec.json.encode(document(results)).decode() if as_json else "\n".join(lines(results)))
