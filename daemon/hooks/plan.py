"""What to do about the webhooks of one place: the one that should be there against those that are. No I/O.

A webhook is ours where it has our address, or where we made it (its place, its number and the time of its making are
those that we kept) and our address has moved since. Whatever else is there is somebody's, and is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from cache.installed_hook import InstalledHook
from daemon.hooks.address import same_address
from gitea_client import wire

EVENTS: Final = (
    "push", "create", "delete", "repository", "fork", "pull_request_only", "pull_request_sync", "pull_request_label",
)  # fmt: skip
"""The events to ask for: those from which a row can change, and no more.

`repository` tells of repositories made and deleted, `fork` of those forked into a user's account, which no other event
does. `pull_request` would bring comments and reviews as well, which are not kept; so the plain one, that of new heads
and that of labels are asked for by name."""

TOLD: Final = frozenset(event.removesuffix("_only") for event in EVENTS)
"""The same, as the servers list them (Gitea 1.23 and Forgejo 11 alike): `pull_request_only` reads `pull_request`."""

TYPES: Final = ("gitea", "forgejo")
"""Formats of a payload that are understood; Slack's, Discord's and the like are not."""

Kind = Literal["create", "change", "replace", "keep", "leave", "delete"]
Signed = Literal["current", "other", "unknown"]
"""What a webhook signs with. Made with the present secret; with another; not by us, and nobody tells."""


class Wanted(Struct, frozen=True):
    """The webhook that should be there: active, sending JSON from all branches."""

    url: str
    secret: bytes | None
    """None: there is none yet, or it is not known here."""


class Present(Struct, frozen=True):
    """A webhook as the forge lists it."""

    id: int
    url: str
    events: frozenset[str]
    type: str = "gitea"
    active: bool = True
    content_type: str = "json"
    branch_filter: str = ""
    made_at: datetime | None = None


def present(hook: wire.Hook) -> Present:
    """A webhook as the API tells it, less what is nobody's business (its authorization header)."""
    return Present(
        id=hook.id,
        url=hook.config.get("url", ""),
        events=frozenset(hook.events),
        type=hook.type,
        active=hook.active,
        content_type=hook.config.get("content_type", ""),
        branch_filter=hook.branch_filter.strip(),
        made_at=hook.created_at,
    )


class Action(Struct, frozen=True):
    """What to do with one webhook. `hook` is None for one that is to be made."""

    kind: Kind
    hook: Present | None = None
    drift: tuple[str, ...] = ()
    """What is not as it should be, in words: "events (lacks create, delete)"."""
    signed: Signed = "unknown"

    @property
    def does(self) -> bool:
        """Whether anything is to be done."""
        return self.kind not in ("keep", "leave")


def plan(
    wanted: Wanted | None, present: Sequence[Present], made: Iterable[InstalledHook], *, scope: str,
    replace_unknown: bool = False,
) -> tuple[Action, ...]:  # fmt: skip
    """What to do so that exactly the wanted webhook is there; nothing where it is.

    `scope` is the place's label: what was made at another place says nothing about a webhook of this one, whatever its
    number. `wanted` None: none of ours should be there (another place's webhook covers this one); then only those are
    deleted that we made. A webhook of ours whose secret nobody knows is kept, unless `replace_unknown`, or there are
    several.
    """
    known = {record.hook_id: record for record in made if record.scope.lower() == scope.lower()}
    ours = [hook for hook in present if is_ours(hook, wanted, known.get(hook.id))]
    left = tuple(Action("leave", hook) for hook in present if hook not in ours)
    if wanted is None:
        return (*(Action("delete", hook, ("another webhook covers it",)) for hook in ours), *left)
    if not ours:
        return (Action("create"), *left)
    judged = sorted((_judged(hook, wanted, known.get(hook.id)) for hook in ours), key=_worth)
    best, *others = judged
    renew = best.signed == "other" or (best.signed == "unknown" and (bool(others) or replace_unknown))
    first = _made_anew(best) if renew or _type_drifts(best) else best
    doubles = (Action("delete", each.hook, ("a double",), each.signed) for each in others)
    return (first, *doubles, *left)


def is_ours(hook: Present, wanted: Wanted | None, record: InstalledHook | None) -> bool:
    """Whether we may touch it."""
    if _names(record, hook):
        return True
    return wanted is not None and same_address(hook.url, wanted.url)


def signed_with(hook: Present, secret: bytes | None, record: InstalledHook | None) -> Signed:
    """What is known of the secret that a webhook of ours signs with."""
    if record is None or not _names(record, hook) or secret is None:
        return "unknown"
    return "current" if record.signs_with(secret) else "other"


def _names(record: InstalledHook | None, hook: Present) -> bool:
    """Whether a record is of this very webhook. A number alone is not enough, where the server tells no time: a forge
    that was set up anew counts from 1 again."""
    return record is not None and record.made_at is not None and record.made_at == hook.made_at


def drift(hook: Present, wanted: Wanted) -> tuple[str, ...]:
    """What of a webhook is not as wanted, its secret apart."""
    found = []
    if not same_address(hook.url, wanted.url):
        found.append("address")
    if lacking := sorted(TOLD - hook.events):
        found.append(f"events (lacks {', '.join(lacking)})")
    if not hook.active:
        found.append("inactive")
    if hook.content_type != "json":
        found.append("content type")
    if hook.branch_filter not in ("", "*", "**"):
        found.append("branch filter")
    if hook.type not in TYPES:
        found.append("type")
    return tuple(found)


def _judged(hook: Present, wanted: Wanted, record: InstalledHook | None) -> Action:
    found = drift(hook, wanted)
    return Action("change" if found else "keep", hook, found, signed_with(hook, wanted.secret, record))


def _worth(action: Action) -> tuple[object, ...]:
    """The one to keep comes first: what is known to be signed rightly, then what needs the least."""
    number = action.hook.id if action.hook is not None else 0
    return ("current", "unknown", "other").index(action.signed), len(action.drift), number


def _made_anew(action: Action) -> Action:
    found = action.drift if action.signed == "current" else (*action.drift, "secret")
    return Action("replace", action.hook, found, action.signed)


def _type_drifts(action: Action) -> bool:
    """The one setting besides the secret that no forge changes in place."""
    return "type" in action.drift
