"""The `forgeglass` command.

Where a daemon owns `data_dir`, a command runs inside it and its progress is streamed here; where none does, it runs
by itself. Exit codes: 0 well; 1 not equal (verify), or not well (doctor, status); 2 wrong use or configuration; 3
something could not be read or written, or no daemon runs (status).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
import msgspec

from daemon.cli.backup import backup
from daemon.cli.changes import changes
from daemon.cli.demo import demo
from daemon.cli.doctor import doctor
from daemon.cli.hooks import hooks
from daemon.cli.init import init
from daemon.cli.profile import profile
from daemon.cli.status import status
from daemon.cli.token import token

if TYPE_CHECKING:
    from daemon.config import Config


HERE = "forgeglass.toml"
"""The configuration where none is named."""


class Wrong(click.ClickException):
    """The configuration is wrong: each mistake is a line that says where, and how to mend it."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Without the usage of the command, which was right."""
        click.echo(f"forgeglass: {self.format_message()}", err=True)


class Context:
    """What the group hands to its commands."""

    def __init__(self, path: Path | None, as_json: bool) -> None:
        self.path = path
        self.as_json = as_json

    def config(self) -> Config:
        """The configuration, or an end with every mistake told."""
        from daemon.config import ConfigError, load

        path = self.path or Path(HERE)
        if self.path is None and not os.path.isfile(path):  # noqa: PTH113 - False where it may not be looked at
            raise Wrong(
                f"there is no {HERE} here; go where it is, name it (--config FILE, or FORGEGLASS_CONFIG), "
                "or write one with `forgeglass init`"
            )
        try:
            return load(path, os.environ)
        except ConfigError as error:
            raise Wrong(str(error)) from None


_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config", "path", type=click.Path(path_type=Path, dir_okay=False), envvar="FORGEGLASS_CONFIG",
    help=f"The configuration file (or FORGEGLASS_CONFIG; else ./{HERE}).",
)  # fmt: skip
@_json
@click.version_option(package_name="forgeglass", prog_name="forgeglass")
@click.pass_context
def main(context: click.Context, path: Path | None, as_json: bool) -> None:
    """A cache of what lives in Gitea and Forgejo repositories, kept true."""
    context.obj = Context(path, as_json)
    if context.invoked_subcommand != "doctor":  # which tells more
        from forgeglass import REMEDY, foreign

        if (wrong := foreign()) is not None:
            click.echo(f"forgeglass: {wrong}; {REMEDY}", err=True)
            sys.exit(2)


main.add_command(backup)
main.add_command(changes)
main.add_command(demo)
main.add_command(doctor)
main.add_command(hooks)
main.add_command(init)
main.add_command(profile)
main.add_command(status)
main.add_command(token)


@main.command()
@click.pass_obj
def serve(context: Context) -> None:
    """Run the daemon: receive webhooks, sweep, answer queries."""
    from daemon.serving import serve_until_stopped

    sys.exit(_guarded(lambda: serve_until_stopped(context.config(), os.environ)))


@main.command()
@click.option("--deep", is_flag=True, help="Look at every repository, not only at those with a signal.")
@_json
@click.pass_obj
def sweep(context: Context, deep: bool, as_json: bool) -> None:
    """Ask the forge what changed, and read it."""
    _run(context, "sweep", {"deep": deep}, as_json)


@main.command()
@_json
@click.pass_obj
def rebuild(context: Context, as_json: bool) -> None:
    """Read everything anew and put it in place in one step."""
    _run(context, "rebuild", {}, as_json)


@main.command()
@_json
@click.pass_obj
def verify(context: Context, as_json: bool) -> None:
    """Read everything anew and compare it with the cache."""
    _run(context, "verify", {}, as_json)


@main.command()
@click.option("--without-state", is_flag=True, help="Leave out what only state.db knows.")
@_json
@click.pass_obj
def digest(context: Context, without_state: bool, as_json: bool) -> None:
    """Hash every row that follows from the forge."""
    _run(context, "digest", {"without_state": without_state}, as_json)


@main.command()
@click.argument("sql")
@click.option("--rows", type=click.IntRange(1, 1_000_000), default=10_000, show_default=True, help="The most rows.")
@_json
@click.pass_obj
def query(context: Context, sql: str, rows: int, as_json: bool) -> None:
    """Run one reading SQL statement on the cache."""
    _run(context, "query", {"sql": sql, "rows": rows}, as_json)


@main.command("new-state")
@_json
@click.pass_obj
def new_state(context: Context, as_json: bool) -> None:
    """Begin state.db anew where it is lost, and say what is lost with it.

    What is left of the old one is moved aside. The daemon must not run; start it afterwards.
    """
    from daemon.cli.alone import begin_state

    config = context.config()
    done = _guarded(lambda: begin_state(config, os.environ))
    if as_json or context.as_json:
        click.echo(msgspec.json.encode(done).decode())
    else:
        click.echo(f"{done['what']}. Then {done['remedy']}.")


@main.command()
def schema() -> None:
    """Print the JSON Schema of profiles."""
    from cache.profile.format import profile_schema

    click.echo(msgspec.json.format(msgspec.json.encode(profile_schema()), indent=2).decode())


def _run(context: Context, command: str, arguments: dict[str, Any], as_json: bool) -> None:
    from daemon.cli.progress import ProgressLine
    from daemon.cli.run import run
    from daemon.cli.show import show

    config = context.config()
    with ProgressLine(sys.stderr) as progress:
        result, code = _guarded(lambda: run(config, os.environ, command, arguments, progress.tell))
    if as_json or context.as_json:
        click.echo(msgspec.json.encode(result["rows"] if command == "query" else result).decode())
    else:
        show(command, result)
    sys.exit(code)


def _guarded(work: Any) -> Any:
    """Turn what a person can mend into one line, without a traceback."""
    from daemon.cli.run import Expected

    try:
        return work()
    except Expected as error:
        click.echo(f"forgeglass: {error}", err=True)
        sys.exit(error.code)
    except KeyboardInterrupt:
        sys.exit(130)
