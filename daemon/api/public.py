"""Absolute addresses: how others reach what is served here.

A proxy may stand in front, with another name and a path before ours. `public_url` of the configuration says so; where
it is not given, the address that the request came to is taken.
"""

from __future__ import annotations

import re

from aiohttp import web

from daemon.api.context import ApiContext

_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII)


def base_address(context: ApiContext, request: web.Request) -> str:
    """What stands before `/api/v1` of an absolute address, without a slash at its end.

    A `Host` that is none (RFC 9112, section 3.2: anyone can send anything) gives `http://localhost`: it is shown in
    documents, and must not become markup or an address of somebody's choice.
    """
    if context.public_url:
        return context.public_url.rstrip("/")
    host = request.headers.get("Host", "")
    return f"{request.scheme}://{host}" if _HOST.fullmatch(host) else "http://localhost"
