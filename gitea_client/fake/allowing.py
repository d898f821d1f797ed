"""`[webhook] ALLOWED_HOST_LIST`: to which hosts the servers deliver (modules/hostmatcher/hostmatcher.go). Pure."""

from __future__ import annotations

import ipaddress
from fnmatch import fnmatchcase
from urllib.parse import urlsplit


def refusal(url: str, allowed: str) -> str | None:
    """Why a server with this list does not deliver to `url`, as its own log says it; None where it does.

    The list holds, between commas, `external` (the servers' default), `private`, `loopback`, `*`, networks such as
    10.0.0.0/8, and host names with `*`. Only addresses and `localhost` are told apart here: nothing is looked up.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return f"invalid URL {url!r}"
    entries = [entry.strip().lower() for entry in allowed.split(",")] if allowed.strip() else ["external"]
    if any(_matches(host, entry) for entry in entries if entry):
        return None
    return (
        "webhook can only call allowed HTTP servers (check your webhook.ALLOWED_HOST_LIST setting), "
        f"deny '{host}({host}:{port})'"
    )


def _matches(host: str, entry: str) -> bool:
    address = _address(host)
    if entry == "*" or (entry not in ("external", "private", "loopback") and fnmatchcase(host, entry)):
        return True
    if address is None:
        return entry == "external"
    if entry == "loopback":
        return address.is_loopback
    if entry == "private":
        return address.is_private and not address.is_loopback
    if entry == "external":
        return not (address.is_private or address.is_loopback)
    try:
        return address in ipaddress.ip_network(entry)
    except ValueError:
        return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return None
