"""`forgeglass backup`: a copy of `state.db`, taken while the daemon runs or while none does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

if TYPE_CHECKING:
    from daemon.cli.command import Context


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.pass_obj
def backup(context: Context, file: Path, as_json: bool) -> None:
    """Copy state.db, which the forge cannot tell again, into FILE.

    A daemon may run meanwhile. FILE is new, or an older copy, which is replaced once the new one is whole.
    """
    import sqlite3

    from daemon.backup import BackupError, copy_state
    from daemon.cli.mistakes import in_words

    config = context.config()
    try:
        copied = copy_state(config.data_dir / "state.db", file)
    except (BackupError, OSError, sqlite3.Error) as error:
        click.echo(f"forgeglass: {in_words(error) or error}", err=True)
        sys.exit(3)
    if as_json or context.as_json:
        click.echo(msgspec.json.encode(copied).decode())
    else:
        click.echo(f"{copied.file}: {copied.bytes} bytes, schema {copied.schema}")
