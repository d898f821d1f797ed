"""For which host names the API answers: against pages that point a name of theirs at this machine (DNS rebinding).

A daemon that listens on loopback alone trusts everybody who reaches it, since only this machine does. A browser on it
reaches it for any page, and reads what it gets where the page's own name leads to 127.0.0.1: to the browser that is one
origin. The `Host` header tells: it holds the page's name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Collection
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from daemon.api.problems import ProblemError
from daemon.config.kinds import Address
from daemon.hooks.address import is_loopback

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answers_to(host: str, listen: Address, public_url: str | None) -> bool:
    """Whether a request with this `Host` is for us. Where others can reach us anyway, every name is right.

    An address is always right: a page's name is what an attacker chooses, and no address is one. No I/O.
    """
    if not is_loopback(listen.host):
        return True
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    known = {"", "localhost", (urlsplit(public_url or "").hostname or "")}
    return name in known or name.endswith(".localhost") or _is_address(name)


def known_hosts(listen: Address, public_url: str | None, open_paths: Collection[str]) -> Middleware:
    """Answer requests under a strange name with a problem, 421 (RFC 9110 §15.5.20), but to `open_paths`."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in open_paths and not answers_to(request.headers.get("Host", ""), listen, public_url):
            detail = "Forgeglass listens for this machine alone; set public_url to the address that others reach it by."
            return ProblemError("misdirected-request", detail).response(request.path)
        return await handler(request)

    return middleware


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
