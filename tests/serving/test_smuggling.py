"""One request never becomes two, whatever it says of its own length: a proxy would see another one (RFC 9112)."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from serving_place import Daemon, Place

HIDDEN = b"GET /api/v1/hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
"""What a proxy takes for a body, or for another's request."""
LENGTH = b"Content-Length: %d" % len(HIDDEN)
CHUNKED = b"Transfer-Encoding: chunked"
POST = b"POST /webhooks/gitea HTTP/1.1"


def request(*head: bytes, body: bytes = HIDDEN, first: bytes = POST, line: bytes = b"\r\n") -> bytes:
    return line.join([first, b"Host: localhost", *head, b"", b""]) + body


DOUBTFUL = {
    "a length and chunks": request(b"Content-Length: %d" % (len(HIDDEN) + 5), CHUNKED, body=b"0\r\n\r\n" + HIDDEN),
    "chunks and a length": request(CHUNKED, b"Content-Length: 5", body=b"0\r\n\r\n" + HIDDEN),
    "two lengths": request(b"Content-Length: 0", LENGTH),
    "a list of lengths": request(b"Content-Length: 0, %d" % len(HIDDEN)),
    "a length with a sign": request(b"Content-Length: +%d" % len(HIDDEN)),
    "a length below zero": request(b"Content-Length: -1"),
    "a hexadecimal length": request(b"Content-Length: 0x2"),
    "a length with a score": request(b"Content-Length: 1_0"),
    "a length beyond 64 bits": request(b"Content-Length: 18446744073709551617"),
    "a blank before the colon": request(b"Content-Length : %d" % len(HIDDEN)),
    "a folded line": request(b"X: a\r\n " + LENGTH, b"Content-Length: 0"),
    "a folded coding": request(b"Transfer-Encoding:\r\n chunked", LENGTH, body=b"0\r\n\r\n" + HIDDEN),
    "line feeds alone": request(b"Content-Length: 0", line=b"\n"),
    "a line feed in a value": request(b"X: y\n" + LENGTH),
    "a carriage return in a value": request(b"X: y\r" + LENGTH, b"Content-Length: 0"),
    "NUL in a value": request(b"X: a\0b", b"Content-Length: 0"),
    "NUL in a name": request(b"X\0: a", b"Content-Length: 0"),
    "an unknown coding": request(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + HIDDEN),
    "chunks that are not last": request(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n" + HIDDEN),
    "chunks twice": request(CHUNKED, CHUNKED, body=b"0\r\n\r\n" + HIDDEN),
    "a coding behind a control letter": request(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n" + HIDDEN),
    "chunks of HTTP/1.0": request(CHUNKED, first=POST[:-1] + b"0", body=b"0\r\n\r\n" + HIDDEN),
    "a chunk of size 0x2": request(CHUNKED, body=b"0x2\r\n{}\r\n0\r\n\r\n" + HIDDEN),
    "a chunk below zero": request(CHUNKED, body=b"-2\r\n{}\r\n0\r\n\r\n" + HIDDEN),
    "a chunk beyond 64 bits": request(CHUNKED, body=b"fffffffffffffffff2\r\n{}\r\n0\r\n\r\n" + HIDDEN),
    "chunks with line feeds alone": request(CHUNKED, body=b"2\n{}\n0\n\n" + HIDDEN),
    "a chunk's remark with a line feed": request(CHUNKED, body=b"2;\n\r\n{}\r\n0\r\n\r\n" + HIDDEN),
    "a chunk longer than it says": request(CHUNKED, body=b"2\r\n{}XX0\r\n\r\n" + HIDDEN),
    "a length in the trailer": request(CHUNKED, body=b"0\r\nContent-Length: 50\r\n\r\n" + HIDDEN),
    "two hosts": request(b"Host: evil.example", first=b"GET /healthz HTTP/1.1"),
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n" + HIDDEN,
}


async def answers(daemon: Daemon, raw: bytes) -> list[bytes]:
    """The status lines that came until the daemon closed the connection."""
    address = urlsplit(daemon.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(raw)
        lines = (await reader.read()).split(b"\r\n")
    finally:
        writer.close()
    return [line for line in lines if line.startswith(b"HTTP/1.")]


async def test_a_request_of_doubtful_length_is_refused_and_its_connection_closed() -> None:
    """Guards whoever comes through the same proxy: what follows on the connection is nobody's request."""
    async with Place() as place, place.daemon() as daemon:
        for name, raw in DOUBTFUL.items():
            (only,) = await answers(daemon, raw)
            assert only.split()[1] == b"400", name
        assert (await daemon.get("/healthz"))[0] == 200
        metrics = (await daemon.get("/metrics"))[1]
        assert "hidden" not in metrics
        assert 'route="/api/v1/{address}"' not in metrics, "nothing hidden was answered"
        assert await daemon.engine.inbox.mark() == 0


@pytest.mark.parametrize("length", [LENGTH, CHUNKED], ids=["length", "chunks"])
async def test_a_body_that_nobody_reads_is_no_request(length: bytes) -> None:
    """Guards against the rest of a refused delivery, or a GET's body, being taken for what comes next."""
    async with Place() as place, place.daemon() as daemon:
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN) if length == CHUNKED else HIDDEN
        last = request(b"Connection: close", first=b"GET /readyz HTTP/1.1", body=b"")
        for first in (b"GET /healthz HTTP/1.1", b"POST /healthz HTTP/1.1", b"PUT /console/ HTTP/1.1", POST):
            refused = (length, b"Content-Encoding: gzip") if first == POST else (length,)
            said = await answers(daemon, request(*refused, first=first, body=body) + last)
            assert len(said) <= 2, first
            assert not any(b"404" in line for line in said), first
