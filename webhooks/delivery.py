"""Headers and body of a delivery, read as a hint: which repository, and what of it to look at.

The sender knows the secret; that does not make the body well-formed. Each field is checked on its own, and one that is
not what it should be counts as missing. The payloads are those of Gitea's `modules/structs/hook.go` and Forgejo's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Raw, Struct

from webhooks.scope import Scope
from webhooks.signature import signed

TAGS: Final = "refs/tags/"

_FORGES = ("gitea", "forgejo", "gogs", "github")
_LARGEST = 2**63 - 1
_DELIVERY_ID = re.compile(r"[!-~]{1,200}")
_PLAIN = re.compile(r"[^\x00-\x1f\x7f]{1,1024}")


class Delivery(Struct, frozen=True):
    """One delivery. `ignored` says why nothing follows from it, and is empty where something does."""

    id: str
    event: str
    """The event's type, such as `pull_request_sync`, as the forge spells it; cut at 100 characters."""
    repository_id: int | None = None
    full_name: str = ""
    scope: Scope = Scope()
    ignored: str = ""

    @property
    def label(self) -> str:
        """The event's type where it is a known one, else `other`: what a metric may be labelled with."""
        return self.event if self.event in _READERS or self.event in _IRRELEVANT else "other"


class Malformed(Struct, frozen=True):
    """A body that is no delivery at all, and why."""

    why: str


def parse(headers: Mapping[str, str], body: bytes) -> Delivery | Malformed:
    """Read a delivery whose signature was found good. Never raises, whatever the body holds."""
    return parse_content(headers, signed(body, headers))


def parse_content(headers: Mapping[str, str], content: bytes | None) -> Delivery | Malformed:
    """As `parse`, of content that `signature.signed` gave."""
    names = {name.lower(): value for name, value in headers.items()}
    delivery_id = _header(names, "delivery")
    event = (_header(names, "event-type") or _header(names, "event"))[:100]
    if not _DELIVERY_ID.fullmatch(delivery_id):
        return Malformed("no delivery id; the header X-Gitea-Delivery or X-Forgejo-Delivery is needed")
    payload = _object(content)
    if payload is None:
        return Malformed("the body is not a JSON object, nor a form whose field `payload` holds one")
    repository = _object(payload.get("repository")) or {}
    repository_id = _number(repository.get("id"))
    full_name = _text(repository.get("full_name"))
    reader = _READERS.get(event)
    if reader is None:
        ignored = _IRRELEVANT.get(event, "an event of a kind that is not known here")
        return Delivery(delivery_id, event, repository_id, full_name, ignored=ignored)
    if repository_id is None:
        return Delivery(delivery_id, event, None, full_name, ignored="repository.id is missing or no positive number")
    read = reader(payload, repository)
    if isinstance(read, str):
        return Delivery(delivery_id, event, repository_id, full_name, ignored=read)
    return Delivery(delivery_id, event, repository_id, full_name, read)


# ------------------------------------------------------------------------ events, each giving a scope or why not

Fields: TypeAlias = Mapping[str, Raw]


def _push(payload: Fields, _repository: Fields) -> Scope | str:
    ref = _text(payload.get("ref"))
    if ref.startswith(TAGS):
        return "tags are not kept"
    return Scope()


def _branch(payload: Fields, _repository: Fields) -> Scope | str:
    ref = _text(payload.get("ref"))
    if _text(payload.get("ref_type")) == "tag" or ref.startswith(TAGS):
        return "tags are not kept"
    return Scope()


def _pull_request(payload: Fields, _repository: Fields) -> Scope | str:
    pull_request = _object(payload.get("pull_request")) or {}
    number = _number(payload.get("number")) or _number(pull_request.get("number"))
    return Scope(pulls=frozenset() if number is None else frozenset((number,)))


def _repository(_payload: Fields, repository: Fields) -> Scope | str:
    owner = _object(repository.get("owner")) or {}
    name = _text(owner.get("login")) or _text(owner.get("username"))
    name = name or _text(repository.get("full_name")).partition("/")[0]
    return Scope(owners=frozenset((name,)) if name else frozenset())


_READERS: Final[Mapping[str, Callable[[Fields, Fields], Scope | str]]] = {
    "push": _push,
    "create": _branch,
    "delete": _branch,
    "repository": _repository,
    "fork": _repository,  # `repository` is the new fork, `forkee` what it was made from
    "pull_request": _pull_request,
    "pull_request_sync": _pull_request,
    "pull_request_label": _pull_request,
    "pull_request_assign": _pull_request,
    "pull_request_milestone": _pull_request,
    "pull_request_review_request": _pull_request,
}

_TALK = "comments and reviews are not kept"
_ISSUES = "issues are not kept"
_IRRELEVANT: Final[Mapping[str, str]] = {
    "pull_request_comment": _TALK,
    "pull_request_review": _TALK,
    "pull_request_review_approved": _TALK,
    "pull_request_review_rejected": _TALK,
    "pull_request_review_comment": _TALK,
    "pull_request_approved": _TALK,
    "pull_request_rejected": _TALK,
    "issue_comment": _TALK,
    "issues": _ISSUES,
    "issue_assign": _ISSUES,
    "issue_label": _ISSUES,
    "issue_milestone": _ISSUES,
    "release": "releases are not kept",
    "package": "packages are not kept",
    "wiki": "wikis are not kept",
    "status": "commit statuses are not kept",  # Gitea sends them to every hook, whatever it asked for
    "action_run_failure": "workflow runs are not kept",
    "action_run_recover": "workflow runs are not kept",
    "action_run_success": "workflow runs are not kept",
    "workflow_run": "workflow runs are not kept",
    "workflow_job": "workflow runs are not kept",
}


# ------------------------------------------------------------------------------------------------ fields, each checked


def _header(names: Mapping[str, str], what: str) -> str:
    """The first of a forge's headers that is not empty; all four spell the same."""
    return next((value for forge in _FORGES if (value := names.get(f"x-{forge}-{what}", "").strip())), "")


_OBJECT: Final = msgspec.json.Decoder(dict[str, Raw])
_VALUE: Final = msgspec.json.Decoder()


def _object(raw: bytes | Raw | None) -> dict[str, Raw] | None:
    """A JSON object with its values unread, so that a long list of commits costs nothing."""
    try:
        return None if raw is None else _OBJECT.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _value(raw: Raw | None) -> Any:
    try:
        return None if raw is None else _VALUE.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _number(raw: Raw | None) -> int | None:
    value = _value(raw)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST else None


def _text(raw: Raw | None) -> str:
    value = _value(raw)
    return value if isinstance(value, str) and _PLAIN.fullmatch(value) else ""
