"""What a request brings along that says who asks: a token, a session's cookie, or the word of a trusted proxy."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from http.cookies import SimpleCookie

from aiohttp import web
from msgspec import Struct

COOKIE = "forgeglass_session"


class Credentials(Struct, frozen=True):
    """`authorization` are the values of that header, `session` that of the cookie; `proxied` are the names that a
    trusted proxy gives whoever asks, none where it is not one that speaks. `address` is where the request came from;
    None where many may share it: this machine, a proxy."""

    authorization: tuple[str, ...] = ()
    session: str | None = None
    proxied: tuple[str, ...] = ()
    address: str | None = None

    @property
    def given(self) -> bool:
        """Whether there are any: answers are the asker's alone then."""
        return bool(self.authorization or self.session or self.proxied)


class TrustedProxy(Struct, frozen=True):
    """A proxy that signs people in and names them in a header; whoever else sends that header is not believed.

    `addresses` are those of the proxy, as the connection has them: nothing that a request says can change those.
    """

    header: str
    addresses: tuple[str, ...]

    def speaks(self, request: web.Request) -> bool:
        """Whether the request comes from it."""
        address = _peer(request)
        return address is not None and within(address, self.addresses)


def within(address: str, networks: Iterable[str]) -> bool:
    """Whether an address is of one of the networks; one of version 4 may be written as one of version 6."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return any((mapped or found) in ipaddress.ip_network(one) for one in networks)


def is_shared(address: str, networks: Iterable[str]) -> bool:
    """Whether many people may come from one address: this machine's own (a proxy), or one of these networks."""
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback or within(address, networks)
    except ValueError:
        return False


def _peer(request: web.Request) -> str | None:
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return str(peer[0]) if isinstance(peer, tuple) else None


def credentials_of(request: web.Request, proxy: TrustedProxy | None) -> Credentials:
    """What a request brings along."""
    believed = proxy is not None and proxy.speaks(request)
    address = _peer(request)
    own = address is not None and not is_shared(address, proxy.addresses if proxy is not None else ())
    return Credentials(
        tuple(request.headers.getall("Authorization", [])),
        _session(request.headers.getall("Cookie", [])),
        _named(request.headers.getall(proxy.header, [])) if proxy is not None and believed else (),
        address if own else None,
    )


def _named(values: Iterable[str]) -> tuple[str, ...]:
    """Whom the values name; an empty one names nobody."""
    return tuple(name for value in values if (name := value.strip()))


def _session(headers: Iterable[str]) -> str | None:
    """The value of our cookie. What a browser sends beside it for others, well made or not, is passed over."""
    for header in headers:
        for part in header.split(";"):
            name, _, value = part.strip().partition("=")
            if name == COOKIE and value:
                return value[:200]
    return None


def cookie(value: str | None, *, seconds: int, path: str, secure: bool) -> str:
    """A `Set-Cookie` with a session's value; with None the one that takes it away.

    Scripts never see it (`HttpOnly`). Other sites' pages make no request with it but by a link that a person follows
    (`SameSite=Lax`): with `Strict` the console would look signed out to whoever comes from a page of the forge.
    """
    made: SimpleCookie = SimpleCookie()
    made[COOKIE] = value or ""
    own = made[COOKIE]
    own["path"], own["httponly"], own["samesite"] = path, True, "Lax"
    own["max-age"] = seconds if value is not None else 0
    if secure:
        own["secure"] = True
    return own.OutputString()
