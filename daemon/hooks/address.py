"""The address that webhooks are given, and when two addresses are one. No I/O."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from daemon.config import Config
from daemon.config.errors import ConfigError, Mistake
from daemon.config.kinds import Address

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def hook_url(config: Config) -> str:
    """Where the forge sends deliveries: `public_url` with its sub-path, else `listen`, and then `webhooks.path`.

    Raises ConfigError where `public_url` is needed and missing: the server listens on this machine alone (or on all
    addresses, which names none) and the forge stands on another.
    """
    path = config.webhooks.path
    if config.public_url:
        return config.public_url.rstrip("/") + path
    listen = config.listen
    forge_is_here = is_loopback(urlsplit(config.forge.url).hostname or "")
    if listen.port == 0:
        raise _needed(config, "listen has port 0, which is another one after each start")
    if _is_unspecified(listen.host):
        if not forge_is_here:
            raise _needed(config, f"listen is {listen}, which tells the forge no address")
        listen = Address("::1" if ":" in listen.host else "127.0.0.1", listen.port)
    elif is_loopback(listen.host) and not forge_is_here:
        raise _needed(config, f"listen is {listen}, which the forge on another machine cannot reach")
    return f"http://{listen}{path}"


def same_address(one: str, other: str) -> bool:
    """Whether two addresses lead to the same place: by RFC 3986 §6.2 the case of scheme and host, a default port and
    a slash at the end say nothing."""
    return _normal(one) == _normal(other)


def is_loopback(host: str) -> bool:
    """Whether a host is this very machine, by its name alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _is_unspecified(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return host == ""


def _normal(address: str) -> tuple[object, ...]:
    """Anything may stand on a forge: what is no address is only like itself."""
    try:
        parts = urlsplit(address.strip())
        port = parts.port
    except ValueError:
        return (address,)
    scheme = parts.scheme.lower()
    host = (parts.hostname or "").lower()
    who = parts.netloc.rpartition("@")[0]
    return scheme, who, host, port or _DEFAULT_PORTS.get(scheme), parts.path.rstrip("/"), parts.query


def _needed(config: Config, why: str) -> ConfigError:
    remedy = 'set it to the address by which the forge reaches this server, like "https://forgeglass.example.org"'
    return ConfigError([Mistake(str(config.path), None, "public_url", f"missing, and {why}", remedy)])
