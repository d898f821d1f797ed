"""Reading a profile: YAML text to a checked `Profile`, all its mistakes at once, each with its line."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import msgspec
from msgspec import Struct

from cache.frontmatter import decode
from cache.profile.check import check
from cache.profile.format import ProfileSpec
from cache.profile.nodes import NodeError, Table, plain_value, read_yaml
from cache.profile.problems import ProfileError, ProfileProblem
from cache.profile.shape import shape_problems
from cache.profile.words import PROFILE_NAME

MAX_PROFILE = 1024 * 1024
MAX_EVENTS = 100_000


class Profile(Struct, frozen=True):
    """A profile, read and checked; `file` is where it came from."""

    name: str
    title: str
    file: str
    spec: ProfileSpec


def shipped() -> Path:
    """The folder of the profiles that come with Forgeglass: in an installation, else in the source tree."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "profiles"
    return installed if installed.is_dir() else package.parent / "deploy" / "profiles"


def load_profile(name_or_path: str | os.PathLike[str], search: Sequence[Path] = ()) -> Profile:
    """Read a profile by its path (what holds a separator or ends in .yaml or .yml) or by its name from the first of
    the folders that has it, the shipped ones last. ProfileError: not found, or every mistake in it.
    """
    text = os.fspath(name_or_path)
    path = Path(text) if _is_path(text) else _find(text, [*search, shipped()])
    try:
        with path.open("rb") as file:
            content = file.read(MAX_PROFILE + 1)
    except OSError as error:
        message = f"The profile cannot be read: {error.strerror or error}."
        raise ProfileError([ProfileProblem(str(path), 0, "unreadable", message)]) from None
    return _read_once(content, str(path))


@lru_cache(maxsize=16)
def _read_once(content: bytes, file: str) -> Profile:
    """Teams by the dozen use one profile, each with parameters of its own."""
    return read_profile(content, file)


def _is_path(text: str) -> bool:
    return "/" in text or os.sep in text or text.endswith((".yaml", ".yml"))


def _find(name: str, folders: Sequence[Path]) -> Path:
    if PROFILE_NAME.fullmatch(name):
        for folder in folders:
            path = folder / f"{name}.yaml"
            if path.is_file():
                return path
    known = sorted({path.stem for folder in folders if folder.is_dir() for path in folder.glob("*.yaml")})
    message = f"There is no profile {name!r}; there are {', '.join(known) or 'none'}. For a file, give its path."
    raise ProfileError([ProfileProblem(name, 0, "profile-not-found", message)])


def read_profile(content: bytes | str, file: str = "profile") -> Profile:
    """Check a profile's text. ProfileError: every mistake in it, by line."""
    try:
        if len(content) > MAX_PROFILE:
            raise ProfileError([ProfileProblem(file, 0, "too-large", "A profile has at most 1 MiB.")])
        node = read_yaml(decode(content) if isinstance(content, bytes) else content, max_events=MAX_EVENTS)
    except NodeError as error:
        found = error.problem
        raise ProfileError([ProfileProblem(file, found.line or 0, found.rule, found.message)]) from None
    if not isinstance(node, Table):
        message = "A profile is a mapping; begin it with 'format: 1'."
        raise ProfileError([ProfileProblem(file, node.line if node else 1, "wrong-type", message)])
    problems = [ProfileProblem(file, *found) for found in shape_problems(node)]
    if problems:
        raise ProfileError(problems)
    try:
        spec = msgspec.convert(plain_value(node), ProfileSpec)
    except msgspec.ValidationError as error:
        raise ProfileError([ProfileProblem(file, 1, "wrong-type", f"{error}.")]) from None
    problems = [ProfileProblem(file, *found) for found in check(spec, node)]
    if problems:
        raise ProfileError(problems)
    return Profile(spec.profile, spec.title or spec.profile, file, spec)
