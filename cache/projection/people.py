"""E-mail addresses where a person is named: which are to be asked for, and whose they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from cache.rows import PullEntryRow, Row

_ADDRESS = re.compile(r"(?=.{3,254}\Z)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
"""An address that a forge may know a user by (RFC 5321 §4.1.2, §4.5.3.1). What is none is never asked for."""


def login_or_self(identifier: str, people: Mapping[str, str]) -> str:
    """The login of the user whose address this is, where the forge knows one; else the identifier as it was given."""
    return people.get(identifier.lower()) or identifier


def addresses(places: Iterable[Row]) -> frozenset[str]:
    """The addresses, in lower case, that stand as the person behind a pull request: nobody's, or not asked for yet."""
    return frozenset(row.actor.lower() for row in _told(places) if row.actor and _ADDRESS.fullmatch(row.actor))


def still_told(people: Mapping[str, str], places: Iterable[Row]) -> dict[str, str]:
    """The answers that some pull request may follow from; the others are of trailers that are no more."""
    rows = tuple(_told(places))
    nobody, logins = addresses(rows), {row.actor for row in rows}
    return {address: login for address, login in people.items() if (login in logins if login else address in nobody)}


def _told(places: Iterable[Row]) -> Iterator[PullEntryRow]:
    """The places whose person somebody wrote down, so that it may be an address."""
    for row in places:
        if isinstance(row, PullEntryRow) and row.actor_source in ("trailer", "audit"):
            yield row
