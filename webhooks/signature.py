"""Did this delivery come from somebody who knows the secret?

Gitea and Forgejo sign the JSON with HMAC-SHA256 (docs.gitea.com/usage/webhooks); where the hook sends a form, they
sign the JSON inside the `payload` field, not the body. Every one of their headers carries the same digest. Without a
secret on the forge's side the headers are there and empty.
"""

from __future__ import annotations

import binascii
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence

FORM = "application/x-www-form-urlencoded"
HEADERS = ("x-gitea-signature", "x-forgejo-signature", "x-gogs-signature", "x-hub-signature-256")
"""Lower case. `X-Hub-Signature` (SHA-1) is not accepted: every forge that sends it sends a better one too."""

_FORM_FIELDS = 16
_PIECE = 64 * 1024
"""Bytes of a form that are decoded in one go: a millisecond's work."""
_NO_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_STRAYS = 1_000
"""Signs that begin no escape: no forge sends one, and each costs as much as a hundred letters."""
_OTHER_SIGNS = ((b"=", b"%3D"), (b"\n", b"%0A"), (b"\r", b"%0D"))
"""What means something in quoted-printable text."""
_QUOTED = bytes.maketrans(b"+%", b" =")


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[bytes]) -> bool:
    """Whether one of the signature headers holds the digest of `body` under one of the secrets.

    Several secrets serve while one is replaced by the next. False where there is no signature, an empty one, no
    secret or an empty one. Takes constant time in the signature's contents. Never raises, whatever it is given.
    """
    return matches(signed(body, headers), headers, secrets)


def matches(content: bytes | None, headers: Mapping[str, str], secrets: Sequence[bytes]) -> bool:
    """As `verify`, of content that `signed` gave."""
    given = [
        value.strip().removeprefix("sha256=").encode("utf-8", "replace")
        for name, value in headers.items()
        if name.lower() in HEADERS and value.strip()
    ]
    if content is None or not given:
        return False
    matched = False
    for secret in secrets:
        if secret:
            expected = hmac.digest(secret, content, "sha256").hex().encode()
            for each in given:
                matched |= hmac.compare_digest(expected, each)  # no early exit: time tells nothing
    return matched


def signed(body: bytes, headers: Mapping[str, str]) -> bytes | None:
    """The bytes that the forge signed: the body, or for a form its `payload` field, None where it has none that could
    be a forge's."""
    if not is_form(headers):
        return body
    at = 0
    for _ in range(_FORM_FIELDS):
        end = body.find(b"&", at)
        end = len(body) if end < 0 else end
        if body.startswith(b"payload=", at, end):
            try:
                return b"".join(_decoded(body, at + len(b"payload="), end))
            except ValueError:
                return None
        if end == len(body):
            return None
        at = end + 1
    return None


def is_form(headers: Mapping[str, str]) -> bool:
    """Whether the hook sends forms (`Content-Type`, parameters left out)."""
    for name, value in headers.items():
        if name.lower() == "content-type":
            return value.partition(";")[0].strip().lower() == FORM
    return False


def _decoded(body: bytes, at: int, end: int) -> Iterator[bytes]:
    """What a form's value stands for (url.spec.whatwg.org, "application/x-www-form-urlencoded"), in pieces.

    By the decoder of quoted-printable text, which knows the same escapes behind another sign: 8 MB of nothing but
    escapes take 0.1 s, and a second by a loop in Python, which holds up the event loop from its thread.
    """
    left = _STRAYS
    while at < end:
        upto = min(at + _PIECE, end)
        escape = body.rfind(b"%", upto - 2, upto) if upto < end else -1  # cut before an escape, never within one
        upto = escape if escape > at else upto
        piece, strays = _NO_ESCAPE.subn(b"%25", body[at:upto], count=left + 1)
        left -= strays
        if left < 0:
            raise ValueError("too many signs that begin no escape")
        for sign, escaped in _OTHER_SIGNS:
            piece = piece.replace(sign, escaped)
        yield binascii.a2b_qp(piece.translate(_QUOTED))
        at = upto
