"""`forgeglass init`: look at a forge, and write a configuration for what is there."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from daemon.cli.command import Context
    from daemon.setup.access import Access, Options
    from daemon.setup.begin import Greeting
    from daemon.setup.propose import Proposal
    from daemon.setup.survey import Survey


MOST_TOLD = 5
"""Repositories that are told one by one when they cannot be read."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--url", help="The forge's address, with its sub-path if it has one.")
@click.option("--token-file", help="A file that holds an access token, and nothing else.")
@click.option("--ca-file", help="Certificates to trust (PEM), for a forge with a certificate of its own.")
@click.option("--owner", "owners", multiple=True, help="An organisation or user to read; may be given several times.")
@click.option("--profile", "uses", multiple=True, help="Propose this profile only; may be given several times.")
@click.option("--yes", is_flag=True, help="Ask nothing; take everything that is proposed.")
@click.option("--force", is_flag=True, help="Overwrite the file where it is there already.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output; ask nothing.")
@click.pass_obj
def init(
    context: Context, file: Path | None, url: str | None, token_file: str | None, ca_file: str | None,
    owners: tuple[str, ...], uses: tuple[str, ...], yes: bool, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Look at a forge and write FILE (forgeglass.toml) for what is there; nothing else is written, here or there.

    It asks for whatever is not given. It reads the owners' repositories by name, and of at most 50 of them which
    files there are and a few of these.
    """
    from daemon.cli.command import HERE
    from daemon.config.errors import BadValueError
    from daemon.setup.access import Options
    from daemon.setup.errors import SetupError

    as_json = as_json or context.as_json
    asking = not yes and not as_json and interactive()
    path = (file or context.path or Path(HERE)).absolute()
    try:
        if path.exists() and not force:
            raise SetupError(f"{path} is there already; name another file, or overwrite it with --force")
        if not path.parent.is_dir():
            raise SetupError(f"there is no folder {path.parent}; make it first")
        result = _init(path, Options(url, token_file, ca_file), owners, uses, asking=asking, force=force, quiet=as_json)
    except (SetupError, BadValueError) as error:
        click.echo(f"forgeglass: {error}", err=True)
        sys.exit(getattr(error, "code", 2))
    if as_json:
        click.echo(msgspec.json.encode(result).decode())


def interactive() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty()


def _init(
    path: Path, options: Options, owners: Sequence[str], uses: Sequence[str], *, asking: bool, force: bool, quiet: bool
) -> dict[str, Any]:
    from daemon.config import ConfigError, load
    from daemon.setup import begin
    from daemon.setup.errors import SetupError
    from daemon.setup.propose import propose
    from daemon.setup.running import asked
    from daemon.setup.write import write_config

    for use in uses:
        begin.known(_use(use, path.parent), path.parent)

    def say(text: str = "") -> None:
        if not quiet:
            click.echo(text)

    access = _access(options, asking)
    greeting = asked(access, lambda: begin.greet(access, owners=not owners))
    say(f"{access.url}: {greeting.said()}")
    owners, survey, requests = _look(access, owners or _owners(greeting, asking))
    for line in _stopped(survey):
        click.echo(line, err=True)
    folder = path.parent
    blocks = begin.choose(propose(survey.sights), [_use(use, folder) for use in uses], owners, folder)
    begin.check(blocks, folder)
    say(f"{survey.looked} of {survey.total} repositories looked at. Proposed:")
    for number, block in enumerate(blocks, 1):
        say(f"  {number}. {describe(block)}")
    if asking:
        blocks = _chosen(blocks)
    begin.save(path, write_config(begin.answers(access, greeting, owners, blocks, folder)), force=force)
    try:
        warnings = load(path, os.environ).warnings
    except ConfigError as error:  # a FORGEGLASS_ variable, most likely: the file itself is right
        raise SetupError(f"{path} is written, and cannot be used yet: {error}") from None
    for warning in warnings:
        click.echo(f"forgeglass: {warning}", err=True)
    here = "" if path == Path("forgeglass.toml").absolute() else f"--config {_short(path)} "
    following = [f"forgeglass {here}doctor", f"forgeglass {here}serve"]
    say(f"\n{_short(path)} is written. Next:\n  {following[0]}\n  {following[1]}")
    return {
        "file": str(path),
        "forge": {"url": access.url, "kind": greeting.kind, "version": greeting.version},
        "user": greeting.user,
        "owners": owners,
        "repositories": {
            "total": survey.total, "looked_at": survey.looked, "failed": survey.failed, "cut_short": survey.short
        },
        "blocks": [
            {"use": b.use, "name": b.name or b.use, "parameters": b.parameters, "files": b.files, "seen_in": b.found}
            for b in blocks
        ],
        "requests": greeting.requests + requests,
        "warnings": warnings,
        "next": following,
    }  # fmt: skip


def _access(options: Options, asking: bool) -> Access:
    from daemon.config.errors import BadValueError
    from daemon.config.keys import SECRET_VARIABLES
    from daemon.setup.access import from_options

    if options.url is None:
        if not asking:
            raise BadValueError("--url is missing", "give the forge's address")
        options = msgspec.structs.replace(options, url=click.prompt("Address of the Gitea or Forgejo"))
    if options.token_file is None and not os.environ.get(SECRET_VARIABLES["token"]):
        if not asking:
            raise BadValueError("--token-file is missing", "put an access token into a file and name it")
        options = msgspec.structs.replace(options, token_file=click.prompt("File with the access token", "token"))
    return from_options(options, os.environ, Path.cwd())


def _owners(greeting: Greeting, asking: bool) -> list[str]:
    from daemon.setup.errors import SetupError

    seen = ", ".join(f"{login} ({count})" for login, count in greeting.owners[:20])
    if not asking:
        raise SetupError(f"--owner is missing; give it once for each whose repositories are to be read. Seen: {seen}")
    if not seen:
        raise SetupError("the token sees no repository; check its scopes and what its user may read", 3)
    click.echo(f"Owners, with the repositories seen of each: {seen}")
    told = click.prompt("Whose repositories are to be read (names, with commas)", greeting.owners[0][0])
    return [name for name in (part.strip() for part in told.split(",")) if name]


def _look(access: Access, owners: Sequence[str]) -> tuple[tuple[str, ...], Survey, int]:
    from daemon.cli.progress import ProgressLine
    from daemon.setup.begin import look_round
    from daemon.setup.running import asked

    with ProgressLine(sys.stderr) as progress:
        return asked(access, lambda: look_round(access, owners, progress.tell))


def _chosen(blocks: tuple[Proposal, ...]) -> tuple[Proposal, ...]:
    from daemon.setup.propose import numbers

    def read(text: str) -> tuple[int, ...]:
        picked = numbers(text, len(blocks))
        if picked is None:
            raise click.BadParameter(f"write numbers from 1 to {len(blocks)}, with commas, or all")
        return picked

    picked = click.prompt("Which of them are to be written", "all", value_proc=read)
    return tuple(blocks[number - 1] for number in picked)


def describe(block: Proposal) -> str:
    """A block on one line."""
    parameters = ", ".join(f"{name} = {value}" for name, value in block.parameters.items())
    told = f"{block.name or block.use}: {parameters}" if parameters else block.name or block.use
    if not block.found:
        return f"{told} (nothing of the kind was seen yet)"
    files = "1 file" if block.files == 1 else f"{block.files} files"
    where = block.found[0] if len(block.found) == 1 else f"{len(block.found)} repositories"
    return f"{told} ({files} in {where})"


def _stopped(survey: Survey) -> list[str]:
    """What was not looked at, and why."""
    lines = [f"could not be read: {line}" for line in survey.failed[:MOST_TOLD]]
    if len(survey.failed) > MOST_TOLD:
        lines.append(f"could not be read: {len(survey.failed) - MOST_TOLD} more")
    if survey.looked + len(survey.failed) < survey.total:
        lines.append(f"only {survey.looked} of {survey.total} repositories were looked at, those changed last")
    lines += [f"{name} has more files than were listed" for name in survey.short]
    return lines


def _use(use: str, folder: Path) -> str:
    """A profile's path as the configuration names it: relative to its own folder where it lies below."""
    if "/" not in use and not use.endswith((".yaml", ".yml")):
        return use
    whole = Path(os.path.normpath(Path.cwd() / use))
    return f"./{whole.relative_to(folder)}" if whole.is_relative_to(folder) else str(whole)


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
