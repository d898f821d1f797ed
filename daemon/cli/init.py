"""`forgeglass init`: look at a forge, and write a configuration for what is there."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from daemon.cli.command import Context
    from daemon.setup.access import Access, Options
    from daemon.setup.propose import Proposal
    from daemon.setup.rows import Rows
    from daemon.setup.shapes import Passed
    from daemon.setup.survey import Survey


MOST_TOLD = 5
"""Repositories that are told one by one when they cannot be read."""
MOST_PASSED = 20
"""Folders that are told one by one when nothing is proposed for them."""
EMPTY = "empty: nothing was pushed yet"
MOST_ROWS = 3
"""Blocks of which it is told where their rows will be."""


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
    from cache.profile.problems import ProfileError
    from daemon.blocks import load_blocks
    from daemon.config import ConfigError, load
    from daemon.setup import begin
    from daemon.setup.answering import greeted, looked
    from daemon.setup.errors import SetupError
    from daemon.setup.propose import beyond, passed_over, propose
    from daemon.setup.rows import rows_of
    from daemon.setup.saving import save
    from daemon.setup.write import write_config

    for use in uses:
        begin.known(_use(use, path.parent), path.parent)

    def say(text: str = "") -> None:
        if not quiet:
            click.echo(text)

    access, greeting = greeted(options, asking, owners=not owners)
    say(f"{access.url}: {greeting.said()}")
    owners, survey, requests = looked(partial(_look, access), greeting, owners, asking)
    for line in _stopped(survey):
        click.echo(line, err=True)
    folder = path.parent
    blocks = begin.choose(propose(survey.sights), [_use(use, folder) for use in uses], owners, folder)
    begin.check(blocks, folder)
    say(f"{survey.looked} of {survey.total} repositories looked at. Proposed:")
    for number, block in enumerate(blocks, 1):
        say(f"  {number}. {describe(block)}")
    passed, more = passed_over(survey.sights), beyond(survey.sights)
    for line in _not_proposed(survey, passed, more) if not uses else ():
        say(line)
    if asking:
        blocks = _chosen(blocks)
    save(path, write_config(begin.answers(access, greeting, owners, blocks, folder)), force=force)
    try:
        config = load(path, os.environ)
        rows = [rows_of(block, config.listen) for block in load_blocks(config)]
    except (ConfigError, ProfileError) as error:  # a FORGEGLASS_ variable, most likely: the file itself is right
        raise SetupError(f"{path} is written, and cannot be used yet: {error}") from None
    for warning in config.warnings:
        click.echo(f"forgeglass: {warning}", err=True)
    here = "" if path == Path("forgeglass.toml").absolute() else f"--config {_short(path)} "
    following = [f"forgeglass {here}doctor", f"forgeglass {here}serve"]
    say(f"\n{_short(path)} is written. Next:\n  {following[0]}\n  {following[1]}")
    say("While it serves, the rows are here:")
    for line in _where(rows, here):
        say(f"  {line}")
    if survey.hidden and config.api.anonymous != "all":
        for line in _asking(survey, here):
            say(line)
    return {
        "file": str(path),
        "forge": {"url": access.url, "kind": greeting.kind, "version": greeting.version},
        "user": greeting.user,
        "owners": owners,
        "repositories": {
            "total": survey.total, "looked_at": survey.looked, "failed": survey.failed, "cut_short": survey.short,
            "not_public": survey.hidden,
        },
        "blocks": [
            {"use": b.use, "name": b.name or b.use, "parameters": b.parameters, "files": b.files, "seen_in": b.found,
             "address": of.address, "view": of.view}
            for b, of in zip(blocks, rows, strict=True)
        ],
        "nothing_for": [
            *({"repository": p.repository, "folder": p.folder, "files": p.files, "why": p.why} for p in passed),
            *({"repository": name, "folder": "", "files": 0, "why": EMPTY} for name in survey.empty),
        ],
        "not_proposed": [
            {"use": b.use, "parameters": b.parameters, "files": b.files, "seen_in": b.found} for b in more
        ],
        "requests": greeting.requests + requests,
        "warnings": config.warnings,
        "next": following,
    }  # fmt: skip


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
    """A block on one line. Names of folders and repositories are anybody's text."""
    from daemon.api.telling import harmless

    return harmless(_described(block))


def _described(block: Proposal) -> str:
    parameters = ", ".join(f"{name} = {value}" for name, value in block.parameters.items())
    told = f"{block.name or block.use}: {parameters}" if parameters else block.name or block.use
    if not block.found:
        return f"{told} (nothing of the kind was seen yet)"
    files = "1 file" if block.files == 1 else f"{block.files} files"
    where = block.found[0] if len(block.found) == 1 else f"{len(block.found)} repositories"
    return f"{told} ({files} in {where})"


def _where(rows: Sequence[Rows], here: str) -> list[str]:
    """Commands that show the rows of the first blocks."""
    lines: list[str] = []
    for of in rows[:MOST_ROWS]:
        lines.append(f"curl -s {of.address}")
        if of.view:
            lines.append(f"forgeglass {here}query 'SELECT * FROM {of.view}'")  # noqa: S608  # shown, and not run
    return [*lines, "…"] if len(rows) > MOST_ROWS else lines


def _asking(survey: Survey, here: str) -> list[str]:
    """How readers come to see what is not public: without a token they are told nothing of it."""
    which = f"{survey.hidden} of {survey.listed} repositories are not public"
    return [
        f"{which}: over HTTP and in the console their rows are shown to readers with a token alone.",
        f"  forgeglass {here}token create me    # then: curl -H 'Authorization: Bearer …'; or sign in with it",
    ]


def _not_proposed(survey: Survey, passed: Sequence[Passed], more: Sequence[Proposal]) -> list[str]:
    """What nothing is proposed for, and why; and the blocks that are too many to be proposed."""
    from daemon.api.telling import harmless
    from daemon.setup.propose import MOST_BLOCKS

    lines = [f"{'/'.join((p.repository, p.folder)).rstrip('/')}{_files(p.files)}: {p.why}" for p in passed]
    lines += [f"{name}: {EMPTY}" for name in survey.empty]
    told = ["Nothing is proposed for:", *(f"  {line}" for line in lines[:MOST_PASSED])] if lines else []
    if len(lines) > MOST_PASSED:
        told.append(f"  and {len(lines) - MOST_PASSED} more; --json names them all")
    if more:
        told.append(f"{MOST_BLOCKS} blocks are proposed at most; found as well:")
        told += [f"  {describe(block)}" for block in more]
    return [harmless(line) for line in told]


def _files(count: int) -> str:
    return "" if count == 0 else " (1 file)" if count == 1 else f" ({count} files)"


def _stopped(survey: Survey) -> list[str]:
    """What was not looked at, and why."""
    from daemon.api.telling import harmless
    from daemon.setup.survey import MOST_LOOKED, MOST_PATHS

    lines = [f"{', '.join(survey.bare)}: no repository that the token may see; nothing is read until there is one"]
    lines = lines if survey.bare else []
    lines += [f"could not be read: {line}" for line in survey.failed[:MOST_TOLD]]
    if len(survey.failed) > MOST_TOLD:
        lines.append(f"could not be read: {len(survey.failed) - MOST_TOLD} more")
    if survey.looked + len(survey.failed) < survey.total:
        most = f"{MOST_LOOKED} are looked at at most, those changed last"
        lines.append(f"only {survey.looked} of {survey.total} repositories were looked at: {most}")
    lines += [f"{name} has more files than the {MOST_PATHS:,} that were listed" for name in survey.short]
    return [harmless(line) for line in lines]


def _use(use: str, folder: Path) -> str:
    """A profile's path as the configuration names it: relative to its own folder where it lies below."""
    if "/" not in use and not use.endswith((".yaml", ".yml")):
        return use
    whole = Path(os.path.normpath(Path.cwd() / use))
    return f"./{whole.relative_to(folder)}" if whole.is_relative_to(folder) else str(whole)


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
