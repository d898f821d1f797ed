"""The steps of `forgeglass init`: greet the forge, look round, choose blocks, write the file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from cache.profile.block import ProfileError, bind, load_profile
from cache.profile.rules import shown
from daemon.setup.access import Access
from daemon.setup.errors import SetupError
from daemon.setup.forge import Looking, looking, owners_seen
from daemon.setup.propose import Proposal, for_profile, named
from daemon.setup.saving import save as save
from daemon.setup.survey import Survey, Tell, survey
from daemon.setup.write import Answers
from gitea_client.errors import Malformed, Missing, Redirected, Refused
from gitea_client.wire import User

MOST_SEEN = 200
"""Repositories that are listed to tell which owners there are; four requests."""
SELECTING = ("repository", "owner", "repositories", "topic")
"""The parameters by which a block chooses repositories: one of several ways, so the others are not offered beside."""


class Greeting(Struct, frozen=True):
    """The forge, and who we are there; `owners` are those seen, with how many repositories of each."""

    kind: str
    version: str
    user: str | None
    owners: tuple[tuple[str, int], ...]
    requests: int

    def said(self) -> str:
        """One line for people."""
        nobody = "the token does not tell whose it is (no read:user)"
        who = f"the token is {_tame(self.user)}'s" if self.user else nobody
        return f"{self.kind} {_tame(self.version)}; {who}"


async def greet(access: Access, *, owners: bool) -> Greeting:
    """Which forge this is, and who we are there; with `owners` also whose repositories can be seen.

    Raises from the tree in `gitea_client.errors`, and SetupError where the address is no forge's.
    """
    async with looking(access) as forge:
        try:
            version = await forge.version()
        except (Malformed, Missing, Refused) as error:
            remedy = "check the address, with its sub-path if it has one, and what stands in front of it"
            raise SetupError(f"{access.url} does not answer like a Gitea or Forgejo ({error}); {remedy}", 3) from None
        except Redirected as error:
            where = shown(error.location, 200)
            raise SetupError(f"{access.url} points elsewhere, to {where}; use the address it points to", 3) from None
        user = await forge.me()
        seen = await owners_seen(forge, MOST_SEEN) if owners else []
        kind = "Forgejo" if version.forgejo else "Gitea"
        return Greeting(kind, version.version, user, tuple(seen), forge.requests)


async def look_round(access: Access, owners: Sequence[str], tell: Tell) -> tuple[tuple[str, ...], Survey, int]:
    """The owners' names as the forge writes them, what lies in their repositories, and how many requests it took.

    Raises SetupError for an owner that is not to be seen, and where no repository at all can be read.
    """
    async with looking(access) as forge:
        found = {owner.login: owner for owner in [await _owner(forge, login) for login in owners]}
        seen = await survey(forge, [*found.values()], tell)
        if seen.failed and not seen.sights:  # no git program, most likely: it is the same for all
            raise SetupError(f"no repository could be read; the first, {seen.failed[0]}", 3)
        return tuple(found), seen, forge.requests


async def _owner(forge: Looking, login: str) -> User:
    try:
        return await forge.owner(login)
    except Missing:
        remedy = "check the name, and that the token's user may see it"
        raise SetupError(f"the forge shows no user or organisation {shown(login)}; {remedy}") from None
    except ValueError:
        raise SetupError(f"{shown(login)} cannot be an owner's name; write it like acme") from None


def choose(
    found: Sequence[Proposal], uses: Sequence[str], owners: Sequence[str], folder: Path
) -> tuple[Proposal, ...]:
    """The blocks of the profiles asked for, or with none asked for all that was found; never no block at all.

    `folder` is the configuration's: a profile named by a path counts from there. Raises SetupError for a profile
    that cannot be used without more being said.
    """
    if not uses:
        return tuple(found) or for_profile("markdown", owners)
    blocks: list[Proposal] = []
    for use in dict.fromkeys(uses):
        of_use = [block for block in found if block.use == use]
        plain = Proposal(use, None, "", {}, (), 0)
        usable = (each for each in (of_use, [plain], list(for_profile(use, owners))) if not _wrong(each, folder))
        first = next((each for each in usable if each), None)
        if first is None:
            raise _too_little(plain, folder)
        blocks += first
    unnamed = [replace(block, name=None, view_prefix="") for block in blocks]
    return named(unnamed)


def known(use: str, folder: Path) -> None:
    """Raises SetupError for a profile that is not there or holds mistakes."""
    try:
        load_profile(_place(use, folder))
    except ProfileError as error:
        raise SetupError(str(error)) from None


def check(blocks: Sequence[Proposal], folder: Path) -> None:
    """Raises SetupError where a block does not bind: what is written must load."""
    for block in blocks:
        if problems := _wrong([block], folder):
            raise SetupError(problems)


def answers(
    access: Access, greeting: Greeting, owners: Sequence[str], blocks: Sequence[Proposal], folder: Path
) -> Answers:
    """What the file is to say; paths below its folder are written relative to it."""
    return Answers(
        url=access.url,
        owners=tuple(owners),
        blocks=tuple(blocks),
        token_file=_relative(access.token_file, folder),
        ca_file=_relative(access.ca_file, folder),
        seen=greeting.said(),
        optional={block.use: _optional(block.use, folder) for block in blocks},
    )


def _tame(text: str) -> str:
    """What a forge says of itself, fit for a terminal."""
    return text if len(text) <= 60 and text.isprintable() else shown(text)


def _wrong(blocks: Sequence[Proposal], folder: Path) -> str:
    """What keeps blocks from being used; empty where nothing does."""
    for block in blocks:
        try:
            bind(load_profile(_place(block.use, folder)), block.name, block.view_prefix, block.parameters)
        except ProfileError as error:
            return str(error)
    return ""


def _too_little(block: Proposal, folder: Path) -> SetupError:
    why = _wrong([block], folder)
    remedy = "leave --profile out to see what was found, or write the block yourself"
    return SetupError(f"nothing was found for the profile {block.use}, and it needs to be told more: {why} {remedy}")


def _place(use: str, folder: Path) -> str:
    return str(folder / use) if "/" in use or use.endswith((".yaml", ".yml")) else use


def _optional(use: str, folder: Path) -> Mapping[str, str]:
    parameters = load_profile(_place(use, folder)).spec.parameters
    return {name: of.description for name, of in parameters.items() if name not in SELECTING and not of.required}


def _relative(path: Path | None, folder: Path) -> str | None:
    if path is None:
        return None
    whole = os.path.normpath(path)
    return os.path.relpath(whole, folder) if Path(whole).is_relative_to(folder) else whole
