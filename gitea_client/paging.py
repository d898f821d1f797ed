"""Listings of many pages that are complete or an error, never short.

The servers give `page` from 1, clamp `limit` to a cap of their own (50 unless set otherwise) without a word, and tell
the whole number in `X-Total-Count`; `Link` (RFC 8288) is there on most lists and not on feeds, and its addresses are
built from a configured root that may be wrong behind a proxy. So a link only proves that there is another page; which
address that page has is our own knowledge.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Hashable
from datetime import datetime
from typing import Any, Generic, TypeVar

from msgspec import Struct

from gitea_client.apart import apart
from gitea_client.errors import Malformed, TooLong
from gitea_client.sizes import MOST_LISTED
from gitea_client.transport import Answer, Query, Transport

T = TypeVar("T")
Parse = Callable[[bytes, str], list[T]]

LIMIT = 50
"""The items asked for per page: the servers' own cap unless an administrator changed it."""
SMALLER = (5, 1)
"""The items asked for where a page is too long: one comment or commit message of many megabytes makes it so."""
MOST_SKIPPED = 20
"""So many items of a list may be too long by themselves; each costs as many bytes as an answer may have."""
MOST_PAGES = 10_000
ATTEMPTS = 3
"""How often a listing is begun anew because it moved while it was read."""

_NEXT = re.compile(r"<[^<>]*>\s*;[^<,]*\brel\s*=\s*\"?next\b")


class Page(Struct, Generic[T], frozen=True):
    """One page. `total` is the length of the whole list, None where the server does not say; `last` ends it.

    `limit` items were asked for; `skipped` items just before it were too long to be read by themselves.
    """

    items: list[T]
    total: int | None
    last: bool
    number: int
    date: datetime | None
    limit: int = LIMIT
    skipped: int = 0


class Moved(Malformed):
    """The list changed while its pages were read."""


class Short(Malformed):
    """The pages ended before the total that the server told was reached; `found` holds what there was."""

    found: list[Any]


async def pages(
    transport: Transport, path: str, query: Query, parse: Parse[T], *, route: str, limit: int = LIMIT
) -> AsyncIterator[Page[T]]:
    """The pages of a list, until the last or until the caller stops asking.

    A page that is too long is asked for in smaller parts, and an item that is too long by itself is passed over, so
    that one long text never hides the rest. Raises Moved when the total changes between two pages (what stood on a
    page border may have been missed), Short when the pages end before the total is reached, and TooLong where too many
    items are too long. `limit` items are asked for at first: of `LIMIT` and `SMALLER`.
    """
    number, got, total, skipped, first, size = 1, 0, None, 0, True, 0
    while True:
        what = f"GET {path} (page {number})"
        try:
            answer = await transport.request("GET", path, query={**query, "limit": limit, "page": number}, route=route)
        except TooLong:
            if limit > 1:
                limit = next(fewer for fewer in SMALLER if fewer < limit and got % fewer == 0)
            else:
                got, skipped = got + 1, skipped + 1
                if skipped > MOST_SKIPPED:
                    raise
            number = got // limit + 1
            continue
        size += len(answer.body)
        if size > transport.most_of_list:
            raise TooLong(f"{what}: the pages of this list are longer than {transport.most_of_list} bytes together")
        items = await apart(parse, answer.body, what)
        page_total = _total(answer, what)
        if not first and page_total != total:
            raise Moved(f"{what}: the list changed from {total} to {page_total} items while it was read")
        first, total, got = False, page_total, got + len(items)
        if max(got, total or 0) > MOST_LISTED:
            raise TooLong(f"{what}: the list holds more than {MOST_LISTED} items")
        following = _following(answer, number, got, total, len(items), limit)
        yield Page(items, total, following is None, number, answer.date, limit, skipped)
        if following is None:
            if total is not None and got < total:
                raise Short(f"{what}: the list ends after {got} of {total} items")
            return
        if following > MOST_PAGES:
            raise Malformed(f"{what}: the list has no end")
        number = following
        if limit == 1 and got % SMALLER[0] == 0:  # past what was too long
            limit, number = SMALLER[0], got // SMALLER[0] + 1


def next_limit(before: int, last: Page[Any]) -> int:
    """How many items to ask for at first when a list is read again, where `last` is the page it was read down to.

    As few as it took where an item was too long, else more again.
    """
    if last.limit < before:
        return last.limit
    return min(more for more in (*SMALLER, LIMIT) if more > before or more == LIMIT)


async def complete(read: Callable[[], AsyncIterator[Page[T]]], key: Callable[[T], Hashable], what: str) -> Complete[T]:
    """Read a list to its end, each item once; begin anew where it moved.

    Raises Malformed where it does not hold still, Short where pages hold less than they promise. `key` tells an item
    from another. Fewer different items than the total mean that one was missed at a page border.
    """
    for _ in range(ATTEMPTS):
        found: dict[Hashable, T] = {}
        date: datetime | None = None
        total: int | None = None
        skipped = 0
        try:
            async for page in read():
                date = date or page.date
                total = page.total
                skipped = page.skipped
                found.update((key(item), item) for item in page.items)
        except Moved:
            continue
        except Short as short:
            short.found = list(found.values())
            raise
        if total is None or len(found) + skipped >= total:
            return Complete(list(found.values()), len(found) if total is None else total, date, skipped)
    raise Malformed(f"{what}: the list kept changing while it was read, {ATTEMPTS} times in a row")


class Complete(Struct, Generic[T], frozen=True):
    """A whole list, and the server's time at its first page; but for `skipped` items that are too long to be read."""

    items: list[T]
    total: int
    date: datetime | None
    skipped: int = 0


def _total(answer: Answer, what: str) -> int | None:
    value = answer.headers.get("X-Total-Count")
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 16):
        raise Malformed(f"{what}: X-Total-Count is no number")
    return int(value)


def _following(answer: Answer, number: int, got: int, total: int | None, here: int, limit: int) -> int | None:
    """The number of the next page, None at the end."""
    links = ",".join(answer.headers.getall("Link", []))
    if not here:
        return None
    if _NEXT.search(links):
        return number + 1
    if total is not None:
        return number + 1 if got < total else None
    return number + 1 if here >= limit else None
