"""What a person is asked where it was not given: the forge, the token's file, the owners. Wrong answers are told, and
asked for again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import click
from msgspec.structs import replace

from daemon.api.telling import harmless
from daemon.config.errors import BadValueError
from daemon.config.keys import SECRET_VARIABLES
from daemon.config.kinds import URL
from daemon.setup.access import Access, Options, from_options
from daemon.setup.begin import Greeting, greet
from daemon.setup.errors import SetupError
from daemon.setup.running import asked
from daemon.setup.survey import Survey

Look = Callable[[Sequence[str]], tuple[tuple[str, ...], Survey, int]]
"""Look at owners' repositories: the owners as the forge writes them, what was seen, how many requests it took."""


def greeted(options: Options, asking: bool, *, owners: bool) -> tuple[Access, Greeting]:
    """The forge, and what it said. Where an answer was typed, and nobody greets back, all is asked again."""
    said = _asked(options, options, asking)
    while True:
        access = from_options(said, os.environ, Path.cwd())
        try:
            return access, asked(access, partial(greet, access, owners=owners))
        except SetupError as error:
            if said == options:
                raise
            click.echo(f"Error: {error}", err=True)
        said = _asked(replace(options, url=None, token_file=None), said, asking)


def _asked(options: Options, last: Options, asking: bool) -> Options:
    """The options with what they lack: asked for, until it can be used, and offering what was said last."""
    if options.url is None:
        if not asking:
            raise BadValueError("--url is missing", "give the forge's address")
        url = click.prompt("Address of the Gitea or Forgejo", last.url, value_proc=_usable(URL.parse))
        options = replace(options, url=url)
    if options.token_file is None and not os.environ.get(SECRET_VARIABLES["token"]):
        if not asking:
            raise BadValueError("--token-file is missing", "put an access token into a file and name it")
        from_options(options, {}, Path.cwd())  # what is wrong with the others is no fault of the answer
        told = click.prompt(
            "File with the access token", last.token_file or "token",
            value_proc=_usable(lambda text: from_options(replace(options, token_file=text), {}, Path.cwd())),
        )  # fmt: skip
        options = replace(options, token_file=told)
    return options


def _usable(read: Callable[[str], object]) -> Callable[[str], str]:
    """An answer as it was typed; one that cannot be read is told, and asked for again."""

    def proc(text: str) -> str:
        try:
            read(text)
        except BadValueError as error:
            raise click.BadParameter(str(error)) from None
        return text

    return proc


def _owners(greeting: Greeting, asking: bool) -> list[str]:
    seen = ", ".join(f"{harmless(login)} ({count})" for login, count in greeting.owners[:20])
    if not asking:
        raise SetupError(f"--owner is missing; give it once for each whose repositories are to be read. Seen: {seen}")
    if not seen:
        raise SetupError("the token sees no repository; check its scopes and what its user may read", 3)
    click.echo(f"Owners, with the repositories seen of each: {seen}")

    def read(text: str) -> list[str]:
        names = [name for name in (part.strip() for part in text.split(",")) if name]
        if not names:
            raise click.BadParameter("write at least one name")
        return names

    question = "Whose repositories are to be read (names, with commas)"
    told: list[str] = click.prompt(question, harmless(greeting.owners[0][0]), value_proc=read)
    return told


def looked(look: Look, greeting: Greeting, owners: Sequence[str], asking: bool) -> tuple[tuple[str, ...], Survey, int]:
    """What lies in the owners' repositories; where they are asked for, until the forge knows them all."""
    while True:
        try:
            return look(owners or _owners(greeting, asking))
        except SetupError as error:
            if owners or not asking or error.code != SetupError.WRONG:
                raise
            click.echo(f"Error: {error}", err=True)
