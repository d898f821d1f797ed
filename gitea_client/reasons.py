"""Why a server gave no answer, in words a person can act on: from what aiohttp raises to what is wrong and its remedy.

Pure. Nothing here quotes an exception: the repr of an aiohttp error holds the request's headers, and with them the
token.
"""

from __future__ import annotations

import errno
import socket
import ssl
from os import PathLike
from typing import Literal

import aiohttp
from msgspec import Struct
from yarl import URL

Kind = Literal["name", "refused", "unroutable", "timeout", "certificate", "tls", "proxy", "cut", "other"]

# OpenSSL's verification results (x509_vfy.h, X509_V_ERR_…)
_NOT_YET, _EXPIRED = 9, 10
_SELF_SIGNED, _SELF_SIGNED_CHAIN = 18, 19
_UNKNOWN_ISSUER = (_SELF_SIGNED_CHAIN, 20, 21)
_OTHER_HOST = (62, 64)


class Reason(Struct, frozen=True):
    """What is wrong, and what to do about it; each one line. Raised by nothing: it is said."""

    kind: Kind
    what: str
    remedy: str


def reason_of(
    error: BaseException, url: str, *, ca_file: str | PathLike[str] | None = None, proxy: str | None = None
) -> Reason:
    """Say why a request to `url` failed before an answer came."""
    host = URL(url).host or ""
    where = f"{host}:{URL(url).port}"
    cause = getattr(error, "os_error", error)
    if isinstance(error, TimeoutError) or isinstance(cause, TimeoutError):
        remedy = "check the host, the port and the firewalls between"
        return Reason("timeout", f"{where} does not answer in time", remedy)
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        remedy = "correct http_proxy and https_proxy, or name the forge's host in no_proxy"
        return Reason("proxy", f"the proxy {_bare(proxy)} does not lead to {where}", remedy)
    certificate = _certificate_error(error)
    if certificate is not None:
        return _distrusted(certificate, host, where, ca_file)
    if isinstance(cause, ssl.SSLError):
        return _no_tls(cause, where)
    if isinstance(cause, socket.gaierror) or isinstance(error, aiohttp.ClientConnectorDNSError):
        return Reason("name", f"no name server knows the host {host}", "correct the host's name, or this machine's DNS")
    if isinstance(error, aiohttp.ClientResponseError):
        return Reason("other", f"what {where} answers is no HTTP", "check the port; something else listens there")
    return _no_connection(error, cause, where)


def _no_connection(error: BaseException, cause: object, where: str) -> Reason:
    number = getattr(cause, "errno", None)
    if isinstance(cause, ConnectionRefusedError) or number == errno.ECONNREFUSED:
        return Reason("refused", f"{where} refuses connections: nothing listens there", "start it, or correct the port")
    if number in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL):
        return Reason("unroutable", f"there is no way to {where}", "check this machine's network, VPN and firewall")
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError | ConnectionError):
        remedy = "look at the server's log, and at what stands between (proxy, firewall); https may be needed"
        return Reason("cut", f"{where} hung up without an answer", remedy)
    return Reason("other", f"{where} cannot be asked ({type(error).__name__})", "check the address")


def _certificate_error(error: BaseException) -> ssl.SSLCertVerificationError | None:
    # aiohttp's own error is an SSLCertVerificationError as well, without what that tells
    for found in (getattr(error, "certificate_error", None), getattr(error, "os_error", None), error):
        if isinstance(found, ssl.SSLCertVerificationError):
            return found
    return None


def _distrusted(
    error: ssl.SSLCertVerificationError, host: str, where: str, ca_file: str | PathLike[str] | None
) -> Reason:
    code = error.verify_code
    show = f"openssl s_client -showcerts -connect {where}"
    if code in _OTHER_HOST:
        return Reason(
            "certificate", f"the certificate of {where} is for another host, not for {host}",
            f"use the name that it is for ({show}), or give the server a certificate for {host}",
        )  # fmt: skip
    if code == _EXPIRED:
        return Reason("certificate", f"the certificate of {where} has expired", "renew it on the server")
    if code == _NOT_YET:
        remedy = "set this machine's clock; if it is right, look at the certificate"
        return Reason("certificate", f"the certificate of {where} is not valid yet", remedy)
    if code == _SELF_SIGNED:
        remedy = f"save it as a PEM file ({show}) and name that file as forge.ca_file"
        return Reason("certificate", f"the certificate of {where} is self-signed", remedy)
    if code in _UNKNOWN_ISSUER:
        known = f"forge.ca_file ({ca_file}) does not hold" if ca_file else "this machine does not know"
        remedy = "put that authority's certificate into a PEM file and name it as forge.ca_file"
        return Reason("certificate", f"{known} the authority that signed the certificate of {where}", remedy)
    return Reason("certificate", f"the certificate of {where} is not accepted", f"look at it: {show}")


def _no_tls(error: ssl.SSLError, where: str) -> Reason:
    if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"):
        return Reason("tls", f"{where} speaks no TLS", "write http:// instead of https://, or correct the port")
    name = error.reason.replace("_", " ").lower() if error.reason else "no agreement"
    return Reason("tls", f"TLS with {where} fails: {name}", "look at the server's TLS settings and log")


def _bare(proxy: str | None) -> str:
    """The proxy's address without a password."""
    if not proxy:
        return "of the environment"
    try:
        parsed = URL(proxy)
    except ValueError:
        return "of the environment"
    return f"{parsed.scheme}://{parsed.host}:{parsed.port}"
