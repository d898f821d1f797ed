"""Where a webhook for an owner's repositories can be, and what right each place needs. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct

from gitea_client.hooks import HookScope

Kind = Literal["organization", "user", "repository"]
Choice = Literal["auto", "organization", "user", "repository"]


class Place(Struct, frozen=True):
    """One list of webhooks on the forge."""

    kind: Kind
    owner: str
    name: str | None = None

    @property
    def scope(self) -> HookScope:
        """As the client names it."""
        return HookScope() if self.kind == "user" else HookScope(self.owner, self.name)

    @property
    def label(self) -> str:
        """For people, and for what is remembered: acme, or acme/meta."""
        return self.owner if self.name is None else f"{self.owner}/{self.name}"

    @property
    def right(self) -> str:
        """What the token needs, in words."""
        if self.kind == "organization":
            return f"the webhooks of {self.owner} need a token of one of its owners with the scope write:organization"
        if self.kind == "user":
            return f"the webhooks of {self.owner} need a token of {self.owner} with the scope write:user"
        return f"the webhooks of {self.label} need a token of one of its administrators with write:repository"


def attempts(
    owner: str, me: str | None, repositories: Iterable[str], choice: Choice, *, user: bool = False
) -> Iterator[tuple[Place, ...]]:
    """The ways to cover an owner, best first: one webhook for everything, else one for each repository.

    `me` is the token's user, who alone may list a user's webhooks; `user` says that the owner is known to be one.
    """
    if choice == "organization" or (choice == "auto" and not user):
        yield (Place("organization", owner),)
    if choice == "user" or (choice == "auto" and (user or is_me(owner, me))):
        yield (Place("user", owner),)
    if choice in ("auto", "repository"):
        yield tuple(Place("repository", owner, name) for name in repositories)


def is_me(owner: str, me: str | None) -> bool:
    """Whether an owner is the token's own user."""
    return me is not None and me.lower() == owner.lower()
