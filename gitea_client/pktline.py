"""Git's pkt-lines and the `ls-refs` command of protocol version 2, as bytes in and values out.

Rules: https://git-scm.com/docs/gitprotocol-common (pkt-line) and https://git-scm.com/docs/gitprotocol-v2 (ls-refs).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from gitea_client.allowed import check_object_format, is_ref_name
from gitea_client.errors import Malformed

FLUSH = b"0000"
DELIMITER = b"0001"
_LONGEST = 65520
_LENGTH = re.compile(rb"[0-9a-fA-F]{4}")
_REF_LINE = re.compile(rb"(?P<id>[0-9a-f]{40}(?:[0-9a-f]{24})?|unborn) (?P<name>[^ ]+)(?P<attributes>(?: [^ ]+)*)")
_SYMREF = b"symref-target:"


class RefLine(Struct, frozen=True):
    """One ref of an answer. `id` is None for an unborn one; `target` is set for a symbolic ref.

    Names are bytes on the wire; bytes that are not UTF-8 come back as lone surrogates (PEP 383).
    """

    name: str
    id: str | None
    target: str | None = None


def encode_line(payload: bytes) -> bytes:
    """One pkt-line; raises ValueError where the payload is longer than a line may be."""
    if len(payload) + 4 > _LONGEST:
        raise ValueError(f"a pkt-line holds at most {_LONGEST - 4} bytes, not {len(payload)}")
    return b"%04x" % (len(payload) + 4) + payload


def ls_refs_request(prefixes: Sequence[str], *, object_format: str = "sha1") -> bytes:
    """The body of a POST that asks for the refs under `prefixes`, with symbolic and unborn ones told.

    Raises Malformed for an object format that Git does not have: the forge's word leads here.
    """
    try:
        format_ = check_object_format(object_format).encode()
    except ValueError as error:
        raise Malformed(f"the refs cannot be asked for: {error}") from None
    head = [b"command=ls-refs\n", b"agent=forgeglass\n", b"object-format=%s\n" % format_]
    arguments = [b"symrefs\n", b"unborn\n", *(b"ref-prefix %s\n" % prefix.encode() for prefix in prefixes)]
    return b"".join([*map(encode_line, head), DELIMITER, *map(encode_line, arguments), FLUSH])


def parse_ls_refs(body: bytes, what: str) -> list[RefLine]:
    """The refs of an answer, in its order.

    A whole answer ends with a flush packet and nothing after it. A server whose repository directory is damaged
    answers 200 with zero bytes; that, a cut answer, a null id, a ref told twice or a line of another form raises
    Malformed: none of them says that a ref does not exist.
    """
    lines = [_parse_line(line, what) for line in _split(body, what)]
    if len({line.name for line in lines}) != len(lines):
        raise Malformed(f"{what}: the answer names a ref twice")
    return lines


def _split(body: bytes, what: str) -> list[bytes]:
    if not body:
        raise Malformed(f"{what}: an empty answer; the repository is damaged or the forge failed inside")
    lines: list[bytes] = []
    at = 0
    while at < len(body):
        digits = body[at : at + 4]
        if not _LENGTH.fullmatch(digits):
            raise Malformed(f"{what}: no pkt-line at byte {at}")
        length = int(digits, 16)
        if length == 0:
            if at + 4 != len(body):
                raise Malformed(f"{what}: bytes after the final flush packet")
            return lines
        if length <= 4 or length > _LONGEST or at + length > len(body):
            raise Malformed(f"{what}: the answer is cut or broken at byte {at}")
        lines.append(body[at + 4 : at + length].removesuffix(b"\n"))
        at += length
    raise Malformed(f"{what}: the answer ends without its final flush packet")


def _parse_line(line: bytes, what: str) -> RefLine:
    if line.startswith(b"ERR "):
        raise Malformed(f"{what}: the forge says {line[4:200].decode('utf-8', 'backslashreplace')!r}")
    found = _REF_LINE.fullmatch(line)
    if found is None:
        raise Malformed(f"{what}: {line[:80]!r} is no ref")
    name = found["name"].decode("utf-8", "surrogateescape")
    target = next((a[len(_SYMREF) :] for a in found["attributes"].split(b" ") if a.startswith(_SYMREF)), None)
    if not all(is_ref_name(each) for each in (name, *([target.decode("utf-8", "surrogateescape")] if target else ()))):
        raise Malformed(f"{what}: {name[:80]!r} is no name of a ref")
    if not found["id"].strip(b"0"):
        raise Malformed(f"{what}: {name!r} has a null id; the ref is damaged on the forge")
    return RefLine(
        name=name,
        id=None if found["id"] == b"unborn" else found["id"].decode(),
        target=None if target is None else target.decode("utf-8", "surrogateescape"),
    )
