"""The kinds of value a configuration key takes: how each is checked, and how it is written in the environment."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from daemon.config.durations import format_duration, parse_duration, parse_size
from daemon.config.errors import BadValueError

_OWNER: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}", re.ASCII)
_ROUTE: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)+", re.ASCII)
_ORIGIN: Final = re.compile(
    r"(?P<scheme>https?)://(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::(?P<port>[1-9][0-9]{0,4}))?",
    re.ASCII,
)
# a field name (RFC 9110, section 5.1)
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
_TAKEN: Final = frozenset({"authorization", "cookie", "host", "connection", "content-length", "transfer-encoding"})
_USUAL: Final = {"http": "80", "https": "443"}
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_BARE_TOKEN: Final = re.compile(r"[0-9a-f]{40}", re.ASCII)


class Address(msgspec.Struct, frozen=True):
    """Where to listen. Port 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Kind(msgspec.Struct, frozen=True):
    """A kind of value."""

    name: str
    """As the documentation prints it."""
    parse: Callable[[object], object]
    """From what TOML holds to what the program uses. Raises BadValueError."""
    from_text: Callable[[str], object] = str
    """From an environment variable to what TOML would hold."""


def shown(value: object) -> str:
    """Return `value` for a message, shortened: a file is not to be poured into a log."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadValueError(f"{shown(value)} is not a text", "write it in quotes, and not empty")
    if _CONTROL.search(value):
        raise BadValueError("the text holds a control character", "remove it")
    return value


def _path(value: object) -> Path:
    text = _text(value)
    if text.startswith("~"):
        raise BadValueError("~ is not expanded", "write the whole path, or one relative to the configuration file")
    return Path(text)


def _secret_path(value: object) -> Path:
    path = _path(value)
    if _BARE_TOKEN.fullmatch(str(path)):  # never repeat it: this message goes to logs
        raise BadValueError("this looks like the secret itself", "put it into a file and name that file here")
    return path


def _url(value: object) -> str:
    text = _text(value).rstrip("/")
    if "@" in text:  # do not show the address: what stands before the @ is a password
        raise BadValueError("the address holds a user name or a password", "remove it; forge.token_file is the place")
    try:
        parts = urlsplit(text)
        port_is_fine = parts.port != 0
    except ValueError:
        parts, port_is_fine = urlsplit(""), False
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fine:
        raise BadValueError(f"{shown(value)} is not an address", 'write it like "https://forge.example.org"')
    if parts.query or parts.fragment or " " in text:
        raise BadValueError("the address has a query, a fragment or a space", "write only scheme, host, port and path")
    return text


def _address(value: object) -> Address:
    host, colon, port = _text(value).rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise BadValueError(f"{shown(value)} is ambiguous", 'put an IPv6 address in brackets: "[::1]:8088"')
    if not colon or not host or not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        raise BadValueError(f"{shown(value)} is not host:port", 'write it like "127.0.0.1:8088"')
    return Address(host, int(port))


def _owners(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise BadValueError(f"{shown(value)} is not a list of names", 'write it like ["acme"]')
    seen: dict[str, str] = {}
    for name in value:
        if not isinstance(name, str) or not _OWNER.fullmatch(name):
            raise BadValueError(f"{shown(name)} is not the name of a user or an organisation", 'write it like ["acme"]')
        if name.lower() in seen:  # the forge does not tell names apart by case
            raise BadValueError(f"{shown(name)} stands there twice", "name each owner once")
        seen[name.lower()] = name
    return tuple(seen.values())


def _origins(value: object) -> tuple[str, ...]:
    """Origins as browsers send them (RFC 6454, section 6.2): scheme, host, and a port that is not the usual one."""
    like = 'write it like ["https://dashboard.example.org"]'
    if not isinstance(value, list):
        raise BadValueError(f"{shown(value)} is not a list of origins", like)
    if value == ["*"]:
        return ("*",)
    if "*" in value:
        raise BadValueError("* stands beside other origins", 'write ["*"] alone, or the origins alone')
    for one in value:
        found = _ORIGIN.fullmatch(one) if isinstance(one, str) else None
        if found is None or found["port"] == _USUAL[found["scheme"]]:
            remedy = f"{like}: small letters, no slash at its end, no port where it is the usual one"
            raise BadValueError(f"{shown(one)} is not an origin as browsers send it", remedy)
    return tuple(dict.fromkeys(value))


def _urls(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise BadValueError(f"{shown(value)} is not a list of addresses", 'write it like ["https://forge.example.org"]')
    return tuple(dict.fromkeys(_url(one) for one in value))


def _networks(value: object) -> tuple[str, ...]:
    like = 'write it like ["127.0.0.1"], or ["10.0.0.0/24"] for a network'
    if not isinstance(value, list):
        raise BadValueError(f"{shown(value)} is not a list of addresses", like)
    found = []
    for one in value:
        try:
            network = ipaddress.ip_network(one if isinstance(one, str) else "")
        except ValueError:
            raise BadValueError(f"{shown(one)} is not an address or a network", like) from None
        if not network.prefixlen:
            raise BadValueError(f"{shown(one)} is everybody's", "name the proxy alone: it is believed")
        found.append(str(network))
    return tuple(dict.fromkeys(found))


def _header(value: object) -> str:
    text = _text(value)
    if not _HEADER.fullmatch(text) or text.lower() in _TAKEN:
        raise BadValueError(f"{shown(value)} is not a header that can name somebody", 'write it like "Remote-User"')
    return text


def _route(value: object) -> str:
    text = _text(value)
    if not _ROUTE.fullmatch(text):
        raise BadValueError(f"{shown(value)} is not a path", 'write it like "/webhooks/gitea"')
    return text


TEXT: Final = Kind("text", _text)
PATH: Final = Kind("path", _path)
SECRET_PATH: Final = Kind("path of a file with a secret", _secret_path)
URL: Final = Kind("URL", _url)
ADDRESS: Final = Kind("host:port", _address)
OWNERS: Final = Kind(
    "list of names", _owners, lambda text: [part.strip() for part in text.split(",") if part.strip()]
)
ORIGINS: Final = Kind(
    "list of origins", _origins, lambda text: [part.strip() for part in text.split(",") if part.strip()]
)
URLS: Final = Kind(
    "list of addresses", _urls, lambda text: [part.strip() for part in text.split(",") if part.strip()]
)
NETWORKS: Final = Kind(
    "list of addresses or networks", _networks, lambda text: [part.strip() for part in text.split(",") if part.strip()]
)
HEADER: Final = Kind("name of a header", _header)
ROUTE: Final = Kind("path of a URL", _route)


def duration(least: float) -> Kind:
    """Return the kind of a duration, in seconds, of at least `least`."""

    def parse(value: object) -> float:
        if not isinstance(value, str):
            raise BadValueError(f"{shown(value)} has no unit", f'write it like "{shown(value)}s", in quotes')
        try:
            seconds = parse_duration(value)
        except ValueError as error:
            raise BadValueError(f"{shown(value)} is not a duration", str(error)) from None
        if seconds < least:
            raise BadValueError(f"{shown(value)} is too short", f"write {format_duration(least)} or more")
        return seconds

    return Kind("duration", parse)


def size(least: int) -> Kind:
    """Return the kind of a size, in bytes, of at least `least`."""

    def parse(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            count = value
        elif isinstance(value, str):
            try:
                count = parse_size(value)
            except ValueError as error:
                raise BadValueError(f"{shown(value)} is not a size", str(error)) from None
        else:
            raise BadValueError(f"{shown(value)} is not a size", 'write it like "1MB"')
        if count < least:
            raise BadValueError(f"{shown(value)} is too small", f"write {least}B or more")
        return count

    return Kind("size", parse)


def whole(least: int, most: int) -> Kind:
    """Return the kind of a whole number from `least` to `most`."""

    def parse(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise BadValueError(f"{shown(value)} does not fit", f"write a whole number from {least} to {most}")
        return value

    def from_text(text: str) -> object:
        return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else text

    return Kind("whole number", parse, from_text)


def choice(*values: str) -> Kind:
    """Return the kind of a word that is one of `values`."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or value not in values:
            raise BadValueError(f"{shown(value)} is not a choice", f"write one of {', '.join(values)}")
        return value

    return Kind(f"one of {', '.join(values)}", parse)
