"""`forgeglass token`: who may see what is not public."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from daemon.cli.command import Context

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")


@click.group()
def token() -> None:
    """Make, list and revoke the tokens with which the API is read."""


@token.command()
@click.argument("name")
@click.option("--owner", "owners", multiple=True, help="Only repositories of this owner; may be repeated.")
@click.option("--repository", "repositories", multiple=True, help="Only this repository, OWNER/NAME; may be repeated.")
@click.option(
    "--collection", "collections", multiple=True, help="Only this collection, or BLOCK/COLLECTION; may be repeated."
)
@click.option("--expires", metavar="DURATION", help="How long it is valid, such as 90d.  [default: until revoked]")
@_json
@click.pass_obj
def create(
    context: Context, name: str, owners: tuple[str, ...], repositories: tuple[str, ...], collections: tuple[str, ...],
    expires: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Make a token, and show it this once: only its hash is kept.

    Without scopes it sees everything; scopes of several kinds narrow each other.
    """
    arguments = {
        "name": name, "owners": owners, "repositories": repositories, "collections": collections, "expires": expires,
    }  # fmt: skip
    result = _run(context, "token-create", arguments, as_json)
    click.echo(result["token"])
    click.echo(f"forgeglass: {name} sees {_scopes(result)}; it is not shown again", err=True)


@token.command("list")
@_json
@click.pass_obj
def list_(context: Context, as_json: bool) -> None:
    """Show every token: what it sees, until when, and when it was last used."""
    tokens = _run(context, "token-list", {}, as_json)["tokens"]
    for one in tokens:
        until = "expired" if one["expired"] else f"until {one['expires_at']}" if one["expires_at"] else "until revoked"
        used = f"last used {one['used_at'][:16]}Z" if one["used_at"] else "never used"
        click.echo(f"{one['name']}: sees {_scopes(one)}; {until}; {used}")
    if not tokens:
        click.echo("There is no token; make one with `forgeglass token create NAME`.")


@token.command()
@click.argument("name")
@_json
@click.pass_obj
def revoke(context: Context, name: str, as_json: bool) -> None:
    """Take a token back, at once."""
    _run(context, "token-revoke", {"name": name}, as_json)
    click.echo(f"{name} opens nothing any more.")


def _scopes(one: dict[str, Any]) -> str:
    kinds = {"owners": "owner", "repositories": "repository", "collections": "collection"}
    said = [f"{word} {', '.join(one[kind])}" for kind, word in kinds.items() if one[kind]]
    return " and ".join(said) or "everything"


def _run(context: Context, command: str, arguments: dict[str, Any], as_json: bool) -> dict[str, Any]:
    """Run it; as JSON the result is printed here, and the command ends."""
    from daemon.cli.run import Expected, run

    config = context.config()
    try:
        result, code = run(config, os.environ, command, arguments, lambda _progress: None)
    except Expected as error:
        click.echo(f"forgeglass: {error}", err=True)
        sys.exit(error.code)
    if as_json or context.as_json:
        click.echo(msgspec.json.encode(result).decode())
        sys.exit(code)
    return result
