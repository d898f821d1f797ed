"""Who is behind a pull request, and how that is known."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from cache.model import PullRequest
from cache.profile.collection import ActorStep
from cache.projection.people import login_or_self

_TRAILER = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9-]*)[ \t]*:[ \t]+(?P<value>\S.*)")
_PERSON = re.compile(r".*<(?P<id>[^<>\s]+)>\s*")
_NOREPLY = re.compile(r"(?:\d+\+)?(?P<login>[^@+]+)@noreply\.[^@]+", re.IGNORECASE)


class Actor(Struct, frozen=True):
    """The person behind a pull request: a login where one can be told, and what it was read from."""

    login: str
    source: str
    evidence: str


class AuditLine(Struct, frozen=True):
    """An audit entry that names the person for whom the bot opened a pull request."""

    key: str
    on_behalf_of: str


Audit = Mapping[tuple[int, int], AuditLine]
"""Audit entries by (repository id, pull request number)."""


def resolve(
    steps: Iterable[ActorStep],
    pull: PullRequest,
    bot: str | None,
    audits: Mapping[str, Audit],
    people: Mapping[str, str],
) -> Actor | None:
    """The first step that names somebody. The bot itself is never an opener, only the last resort.

    `people` has the logins of those whom an audit entry or a trailer names by their address, in lower case.
    """
    for step in steps:
        actor = _step(step, pull, bot, audits, people)
        if actor is not None:
            return actor
    return None


def _step(
    step: ActorStep,
    pull: PullRequest,
    bot: str | None,
    audits: Mapping[str, Audit],
    people: Mapping[str, str],
) -> Actor | None:
    if step.kind == "opener":
        if pull.user and (bot is None or pull.user.lower() != bot.lower()):
            return Actor(pull.user, "opener", pull.user)
    elif step.kind == "audit":
        line = audits.get(step.collection or "", {}).get((pull.repository_id, pull.number))
        if line is not None:
            return Actor(login_or_self(line.on_behalf_of, people), "audit", line.key)
    elif step.kind == "trailer":
        value = trailer(pull.body, step.name or "")
        if value is not None:
            return Actor(login_or_self(login_of(value), people), "trailer", f"{step.name}: {value}")
    elif bot is not None:
        return Actor(bot, "bot", bot)
    return None


def trailer(body: str, name: str) -> str | None:
    """The last value of a trailer, read as `git interpret-trailers` does: from the last paragraph alone, and only
    where every line of it is a trailer or continues one. Quoted or running text never counts.
    """
    paragraphs = re.split(r"\n[ \t]*\n", body.replace("\r\n", "\n").rstrip())
    found: str | None = None
    for line in paragraphs[-1].strip("\n").split("\n"):
        if line[:1] in " \t" and line.strip():
            continue
        match = _TRAILER.fullmatch(line.rstrip())
        if match is None:
            return None
        if match["name"].lower() == name.lower():
            found = match["value"].strip()
    return found


def login_of(value: str) -> str:
    """The id in `Name <id>`, or the value itself; the login in a forge's no-reply address."""
    match = _PERSON.fullmatch(value)
    identifier = match["id"] if match else value
    noreply = _NOREPLY.fullmatch(identifier)
    return (noreply["login"] if noreply else identifier).removeprefix("@")


def audit_of(entries: Iterable[tuple[str, Mapping[str, Any]]], find: Callable[[str], int | None]) -> Audit:
    """Index audit entries, given as (key, fields) in file order; the first that names a pull request counts.

    An entry must carry the repository: the same number stands for another pull request elsewhere.
    """
    index: dict[tuple[int, int], AuditLine] = {}
    for key, fields in entries:
        if (line := audit_line(key, fields, find)) is not None:
            index.setdefault(*line)
    return index


def audit_line(
    key: str, fields: Mapping[str, Any], find: Callable[[str], int | None]
) -> tuple[tuple[int, int], AuditLine] | None:
    """The pull request that an audit entry names, and the entry; None where it names none or nobody."""
    repository, number, person = fields.get("repo"), fields.get("pr_number"), fields.get("on_behalf_of")
    repository_id = find(repository) if isinstance(repository, str) else None
    if repository_id is not None and isinstance(number, int) and isinstance(person, str) and person:
        return (repository_id, number), AuditLine(key, login_of(person))
    return None
