"""Single values: how each type is written, and its one canonical form."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

from cache.profile.nodes import Scalar, integer, number
from cache.profile.rules import shown
from cache.profile.unread import Unread

EXPECTED = {
    "string": "a single text",
    "text": "a single text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date that exists, as 2026-01-02",
    "datetime": "a time, as 2026-01-02T03:04:05Z (UTC where it has no offset)",
    "enum": "one of its values",
    "user": "a login: letters, digits, '.', '_' and '-'",
    "repository": "a repository, as owner/name",
    "url": "an address that begins with http:// or https:// and carries no password",
    "ref": "the key of an entry",
}

_UNFIT = re.compile("[\x00\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f]")
_LOGIN = re.compile(r"[A-Za-z0-9._-]{1,255}", re.ASCII)
_REPOSITORY = re.compile(r"(?P<owner>[A-Za-z0-9._-]{1,100})/(?P<name>[A-Za-z0-9._-]{1,100})", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[Tt ]\s*(\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)\s*([Zz]|[-+]\d{2}:?\d{2})?)?", re.ASCII
)
_UNFINITE = re.compile(r"[-+]?(\.(inf|nan)|[0-9]+(\.[0-9]*)?(e[-+]?[0-9]+)?)", re.ASCII | re.IGNORECASE)
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def unfit(text: str) -> bool:
    """Whether a text holds a NUL or half a surrogate pair."""
    return _UNFIT.search(text) is not None


def is_repository(text: str) -> bool:
    """Whether a text is `owner/name` as Gitea lets it be written."""
    found = _REPOSITORY.fullmatch(text)
    return found is not None and not {found["owner"], found["name"]} & {".", ".."}


def is_login(text: str) -> bool:
    """Whether a text is a login as Gitea lets it be written."""
    return _LOGIN.fullmatch(text) is not None


def _wrong(node: Scalar) -> Unread:
    return Unread("wrong-type", f", not {shown(node.text)}")


def _text(node: Scalar) -> str | Unread:
    return node.text


def _integer(node: Scalar) -> int | Unread:
    if not node.plain:
        return Unread("wrong-type", f", not the text {shown(node.text)}; remove the quotes")
    value = integer(node.text)
    if value is not None:
        return value
    if re.fullmatch(r"[-+]?[0-9]+", node.text):
        return Unread("out-of-range", " of at most 64 bits")
    return _wrong(node)


def _number(node: Scalar) -> float | Unread:
    if not node.plain:
        return Unread("wrong-type", f", not the text {shown(node.text)}; remove the quotes")
    value = number(node.text)
    if value is not None:
        return value
    if _UNFINITE.fullmatch(node.text):
        return Unread("out-of-range", ", and a finite one")
    return _wrong(node)


def _boolean(node: Scalar) -> bool | Unread:
    value = _BOOLEANS.get(node.text.lower()) if node.plain else None
    return _wrong(node) if value is None else value


def _date(node: Scalar) -> str | Unread:
    try:
        return date.fromisoformat(node.text).isoformat() if _DATE.fullmatch(node.text) else _wrong(node)
    except ValueError:
        return _wrong(node)


def _datetime(node: Scalar) -> str | Unread:
    found = _TIME.fullmatch(node.text.strip())
    if found is None:
        return _wrong(node)
    day, time, offset = found.groups()
    offset = "+00:00" if offset is None or offset in "Zz" else offset
    try:
        moment = datetime.fromisoformat(f"{day}T{time or '00:00:00'}{offset}").astimezone(UTC)
    except (ValueError, OverflowError):
        return _wrong(node)
    return moment.replace(tzinfo=None).isoformat() + "Z"


def _user(node: Scalar) -> str | Unread:
    return node.text if is_login(node.text) else _wrong(node)


def _repository(node: Scalar) -> str | Unread:
    return node.text if is_repository(node.text) else _wrong(node)


def _url(node: Scalar) -> str | Unread:
    # the value is not shown: it may carry a password
    try:
        parts = urlsplit(node.text)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        fine = False
    return node.text if fine and not _CONTROL.search(node.text) else Unread("wrong-type", "")


def _ref(node: Scalar) -> str | Unread:
    return node.text if node.text and not _CONTROL.search(node.text.replace(" ", "")) else _wrong(node)


READERS: dict[str, Callable[[Scalar], Any]] = {
    "string": _text,
    "text": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "user": _user,
    "repository": _repository,
    "url": _url,
    "ref": _ref,
}
