"""A profile and the parameters of a configuration make a block: everything filled in, ready to use."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import msgspec

from cache.profile import build
from cache.profile.collection import (
    ActorStep,
    Block,
    BranchesRule,
    Collection,
    DocumentRule,
    PullRule,
    RepositorySelector,
    RevisionsRule,
    ViewColumn,
    ViewRule,
)
from cache.profile.fields import Field, Relation
from cache.profile.format import ParameterSpec
from cache.profile.loader import Profile, load_profile
from cache.profile.overlap import overlaps
from cache.profile.patterns import PatternError, folder, is_folder
from cache.profile.problems import ProfileError, ProfileProblem
from cache.profile.scalars import is_login, is_repository
from cache.profile.words import PROFILE_NAME, ROUTES, VIEW_PREFIX, near

__all__ = [
    "ActorStep", "Block", "BranchesRule", "Collection", "DocumentRule", "Field", "Profile", "ProfileError",
    "ProfileProblem", "PullRule", "Relation", "RepositorySelector", "RevisionsRule", "ViewColumn", "ViewRule", "bind",
    "load_profile",
]  # fmt: skip

READING = 3
"""Raise it when the same bytes give other records than before: every entry is then projected anew."""


def bind(
    profile: Profile, name: str | None = None, view_prefix: str = "", parameters: Mapping[str, object] | None = None
) -> Block:
    """A block. ProfileError: every mistake in the name, the prefix and the parameters; collections that would claim
    the same files once the parameters are filled in.
    """
    block = profile.name if name is None else name
    given = dict(parameters or {})
    problems = list(_names(block, view_prefix))
    values: dict[str, Any] = {}
    for key in given.keys() - profile.spec.parameters.keys():
        known = set(profile.spec.parameters)
        other = near(key, known, f"; it has {', '.join(sorted(known)) or 'none'}.")
        message = f"The profile has no parameter {key!r}{other}"
        problems.append(("unknown-parameter", message))
    for key, spec in profile.spec.parameters.items():
        value = given.get(key, spec.default)
        wrong = _wrong(key, spec, value)
        values[key] = folder(value) if spec.type == "folder" and isinstance(value, str) else value
        problems += [("bad-parameter", wrong)] if wrong else []
    if not problems:
        try:
            return _bound(profile, block, view_prefix, values)
        except _UnusableError as error:
            problems += error.problems
    raise ProfileError(ProfileProblem(f"{profile.file} as {block!r}", 0, rule, text) for rule, text in problems)


class _UnusableError(Exception):
    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__(problems)
        self.problems = problems


def _names(block: str, view_prefix: str) -> Iterator[tuple[str, str]]:
    if not PROFILE_NAME.fullmatch(block):
        yield "bad-name", f"{block!r} cannot name a block; use small letters, digits, '-' and '_'."
    elif block in ROUTES:
        yield "reserved-name", f"{block!r} is an address of Forgeglass; give the block another name."
    if not VIEW_PREFIX.fullmatch(view_prefix):
        yield "bad-name", f"{view_prefix!r} cannot begin the names of views; use small letters, digits and '_'."


def _wrong(key: str, spec: ParameterSpec, value: object) -> str | None:
    if value is None:
        return f"The parameter {key!r} is required ({spec.type}); add it to the block." if spec.required else None
    fits = {
        "string": isinstance(value, str) and bool(value),
        "integer": isinstance(value, int) and not isinstance(value, bool),
        "boolean": isinstance(value, bool),
        "user": isinstance(value, str) and is_login(value),
        "repository": isinstance(value, str) and is_repository(value),
        "folder": isinstance(value, str) and is_folder(value),
    }[spec.type]
    kind = {
        "repository": "a repository, as owner/name",
        "user": "a login",
        "folder": "a folder, as docs or teams/*/docs",
    }.get(spec.type, f"of type {spec.type}")
    return None if fits else f"The parameter {key!r} must be {kind}."


def _bound(profile: Profile, name: str, view_prefix: str, values: Mapping[str, Any]) -> Block:
    spec = profile.spec
    problems: list[tuple[str, str]] = []
    collections: list[Collection] = []
    filled = {key: value for key, value in values.items() if value is not None}
    for key, of in spec.collections.items():
        try:
            built = build.collection(name, key, of, filled)
        except KeyError as missing:
            problems.append(("bad-parameter", f"The collection {key!r} needs the parameter {missing}; add it."))
        except PatternError as error:
            problems.append(("bad-path", f"The collection {key!r}: {error}."))
        except build.SelectionError as error:
            problems.append(("bad-parameter", f"The collection {key!r}: {error}."))
        else:
            collections.append(built)
            problems += _named_repositories(built)
    problems += [("overlap", text) for _, text in clashes(collections)]
    if problems:
        raise _UnusableError(problems)
    views = tuple(build.view(key, view, spec.collections) for key, view in spec.views.items())
    bot = next((step.name for c in collections for step in c.actor if step.kind == "bot"), None)
    found = values.get(bot) if bot else None
    return Block(
        name=name,
        profile=profile.name,
        title=profile.title,
        parameters=dict(values),
        collections=tuple(collections),
        views=views,
        view_prefix=view_prefix,
        fingerprint=_fingerprint(name, collections, views, view_prefix, found),
        bot=found if isinstance(found, str) else None,
    )


def _named_repositories(collection: Collection) -> Iterator[tuple[str, str]]:
    names = [collection.repository.full_name, *(rule.repository for rule in collection.pulls)]
    for name in names:
        if name is not None and not is_repository(name):
            yield "bad-repository", f"The collection {collection.name!r} names {name!r}; write owner/name."


def clashes(collections: Sequence[Collection]) -> Iterator[tuple[str, str]]:
    """Collections that may claim the same file, which then would have two keys: the later one's name, and why."""
    for one, other in combinations(collections, 2):
        if one.repository.meets(other.repository) and overlaps(one.pattern, other.pattern):
            message = (
                f"{one.name!r} ({one.pattern.source}) and {other.name!r} ({other.pattern.source}) may match one file; "
                "narrow one of the paths."
            )
            yield other.name, message


def _fingerprint(
    name: str, collections: Sequence[Collection], views: Sequence[ViewRule], view_prefix: str, bot: object
) -> str:
    plain = msgspec.to_builtins(
        [READING, name, list(collections), list(views), view_prefix, bot], enc_hook=lambda regex: regex.pattern
    )
    return hashlib.sha256(json.dumps(plain, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
