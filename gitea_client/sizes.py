"""How long an answer may be: by what its route can need, and never more than the one limit of all (`answer_size`).

Measured on Gitea 1.26 and Forgejo 15: a repository is 4 kB, or twice that for a fork; a user 1 kB; a pull request 15 kB
and its text, which the servers limit nowhere. So what people write gets the limit of all, and of a page each item has
one of its own (`MOST_ITEM`): a page is asked for again in smaller parts where it is longer.
"""

from __future__ import annotations

from typing import Final

kB: Final = 1 << 10  # noqa: N816
MB: Final = 1 << 20

MOST_ITEM: Final = MB
"""Bytes of one item of a list, and of one pull request by itself."""
LISTED: Final = 1_000
"""Items of one page: 50 are asked for, which the servers never exceed."""
EVENTS: Final = 10_000
"""Items of a list that comes whole: what happened to one pull request."""
MOST_LISTED: Final = 100_000
"""Items of a whole list, over all of its pages."""
PAGES_OF_BYTES: Final = 16
"""A whole list may have so many times the bytes of one answer."""

API: Final = "/api/v1"
_ROUTES: Final = {
    f"{API}/version": 256 * kB,
    "/api/forgejo/v1/version": 256 * kB,
    f"{API}/settings/api": 256 * kB,
    f"{API}/settings/repository": 256 * kB,
    f"{API}/user": 256 * kB,
    f"{API}/users/{{login}}": 256 * kB,
    f"{API}/orgs/{{org}}": 256 * kB,
    f"{API}/users/search": MB,
    f"{API}/user/orgs": MB,
    f"{API}/repos/{{owner}}/{{name}}": MB,
    f"{API}/repositories/{{id}}": MB,
    f"{API}/repos/search": 8 * MB,
    f"{API}/repos/{{owner}}/{{name}}/pulls/{{number}}": 2 * MB,
    f"{API}/orgs/{{owner}}/activities/feeds": 8 * MB,  # with the whole messages of the commits that were pushed
    f"{API}/users/{{owner}}/activities/feeds": 8 * MB,
    f"{API}/user/hooks": 2 * MB,
    f"{API}/orgs/{{org}}/hooks": 2 * MB,
    f"{API}/repos/{{owner}}/{{name}}/hooks": 2 * MB,
}


def most_bytes(route: str, top: int) -> int:
    """The bytes that an answer of this route (a template, see `Transport.request`) may have, decoded."""
    return min(_ROUTES.get(route, top), top)
