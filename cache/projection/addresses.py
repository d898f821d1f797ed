"""Addresses of pull requests, as people write them into entries: which pull request each means."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from msgspec import Struct

_PORTS = {"http": 80, "https": 443}
_PULL = re.compile(r"(?P<name>[^/]+/[^/]+)/pulls?/(?P<number>[1-9][0-9]{0,17})(?:/.*)?")


class PullAddress(Struct, frozen=True):
    """What an address means. Two addresses of one pull request have one `text`, however they are written: with a
    slash at the end or a part of the page, with letters of the other case, http or https, the port that goes without
    saying, the forge's other name.

    `full_name` is in lower case, None for an address that is none of a pull request on this forge; its `number` is 0.
    """

    text: str
    full_name: str | None = None
    number: int = 0

    @property
    def unknown_id(self) -> int:
        """What stands for the id of its repository while none is known: below zero, the same for the same."""
        digest = hashlib.sha256((self.full_name or self.text).encode("utf-8", "surrogatepass")).hexdigest()
        return -1 - int(digest[:15], 16)


@lru_cache(maxsize=4096)
def pull_address(url: str, bases: Sequence[str]) -> PullAddress:
    """What an address means on a forge that is reached under these; without any, on whichever it names."""
    text = _plain(url)
    host, _, path = text.partition("/")
    below = [path] if not bases else [text[len(base) + 1 :] for base in map(_plain, bases) if _within(text, base)]
    for rest in below:
        found = _PULL.fullmatch(rest)
        if found is not None and host:
            name = found["name"].lower()
            return PullAddress(f"{name}/pulls/{int(found['number'])}", name, int(found["number"]))
    return PullAddress(text)


def _within(text: str, base: str) -> bool:
    return text.lower().startswith(f"{base.lower()}/")


def _plain(url: str) -> str:
    """Host and path: without scheme, user, the usual port, query and fragment, and slashes at the end."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    host = (parts.hostname or "").lower()
    if port is not None and port != _PORTS.get(parts.scheme.lower()):
        host = f"{host}:{port}"
    return f"{host}{unquote(parts.path)}".rstrip("/")
