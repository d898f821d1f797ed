"""Making, listing and revoking tokens: what `forgeglass token` does, inside the daemon or by itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy.exc import IntegrityError

from cache.profile.collection import Block
from cache.profile.scalars import is_repository
from cache.tokens import Token
from daemon.api.access import Access, new_token
from daemon.api.hashing import digest
from daemon.config.durations import parse_duration
from daemon.control import CommandError
from daemon.engine import Engine

Result = tuple[dict[str, Any], int]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_OWNER = re.compile(r"[A-Za-z0-9_.-]{1,100}", re.ASCII)
LONGEST = timedelta(days=36_500)


async def token_create(engine: Engine, arguments: Mapping[str, Any], _progress: object) -> Result:
    """Make a token; its secret is in the result and nowhere else. CommandError: the name is taken, or odd."""
    name = str(arguments.get("name", ""))
    if not _NAME.fullmatch(name):
        raise CommandError("a token's name has 1 to 64 letters, digits, '.', '_' and '-', the first a letter or digit")
    now = engine.clock()
    scopes = {
        "owners": _checked(arguments.get("owners"), _OWNER.fullmatch, "the name of a user or an organisation"),
        "repositories": _checked(arguments.get("repositories"), is_repository, "a repository, owner/name"),
        "collections": sorted({collection(one, engine.blocks) for one in arguments.get("collections") or ()}),
    }
    secret = new_token()
    token = Token(
        name=name,
        hash=digest(secret),
        created_at=now,
        expires_at=now + _lifetime(str(arguments["expires"])) if arguments.get("expires") else None,
        data={kind: named for kind, named in scopes.items() if named},
    )
    try:
        await engine.state.tokens.add(token)
    except IntegrityError:
        remedy = f"revoke it (`forgeglass token revoke {name}`), or choose another name"
        raise CommandError(f"there is a token {name} already; {remedy}") from None
    return {**told(token), "token": secret}, 0


async def token_list(engine: Engine, _arguments: Mapping[str, Any], _progress: object) -> Result:
    """Every token by its name, without its secret, which nobody knows any more."""
    now = engine.clock()
    tokens = await engine.state.tokens.all()
    return {"tokens": [{**told(one), "expired": one.expires_at is not None and one.expires_at <= now}
                       for one in tokens]}, 0  # fmt: skip


async def token_revoke(engine: Engine, arguments: Mapping[str, Any], _progress: object) -> Result:
    """Take a token back, at once. CommandError: there is none of this name."""
    name = str(arguments.get("name", ""))
    if not await engine.state.tokens.remove(name):
        known = ", ".join(one.name for one in await engine.state.tokens.all()) or "none"
        raise CommandError(f"there is no token {name[:100]!r}; there are: {known}")
    return {"name": name, "revoked": True}, 0


async def local_token(access: Access, _arguments: Mapping[str, Any], _progress: object) -> Result:
    """A token for a command of whoever may use the socket, and so owns everything here."""
    return {"token": access.local_token()}, 0


def told(token: Token) -> dict[str, Any]:
    """A token as it is shown."""
    built: dict[str, Any] = msgspec.to_builtins(token)
    scopes = {kind: list(token.data.get(kind) or ()) for kind in ("owners", "repositories", "collections")}
    return {**{name: built[name] for name in ("name", "created_at", "expires_at", "used_at")}, **scopes}


def collection(name: str, blocks: Sequence[Block]) -> str:
    """The whole name, `block/collection`, of a collection. CommandError: there is none, or several."""
    offered = [f"{block.name}/{one.name}" for block in blocks for one in block.collections]
    found = [whole for whole in offered if name in (whole, whole.partition("/")[2])]
    if len(found) == 1:
        return found[0]
    what = "several collections are called" if found else "there is no collection"
    raise CommandError(f"{what} {name[:100]!r}; name one of {', '.join(found or offered)}")


def _checked(names: Iterable[Any] | None, fits: Any, what: str) -> list[str]:
    listed = [str(name) for name in names or ()]
    for name in listed:
        if not fits(name):
            raise CommandError(f"{name[:100]!r} is not {what}")
    return sorted({name.lower() for name in listed})


def _lifetime(text: str) -> timedelta:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise CommandError(f"--expires is {text[:100]!r}: {error}") from None
    if not 1 <= seconds <= LONGEST.total_seconds():
        raise CommandError(f"--expires is {text[:100]!r}; it must be from 1s to {LONGEST.days}d")
    return timedelta(seconds=seconds)
