"""Did this delivery come from somebody who knows the secret?

Gitea and Forgejo sign the JSON with HMAC-SHA256 (docs.gitea.com/usage/webhooks); where the hook sends a form, they
sign the JSON inside the `payload` field, not the body. Every one of their headers carries the same digest. Without a
secret on the forge's side the headers are there and empty.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence

FORM = "application/x-www-form-urlencoded"
HEADERS = ("x-gitea-signature", "x-forgejo-signature", "x-gogs-signature", "x-hub-signature-256")
"""Lower case. `X-Hub-Signature` (SHA-1) is not accepted: every forge that sends it sends a better one too."""

_ESCAPES = re.compile(rb"(?:%[0-9A-Fa-f]{2})+")
_FORM_FIELDS = 16


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[bytes]) -> bool:
    """Whether one of the signature headers holds the digest of `body` under one of the secrets.

    Several secrets serve while one is replaced by the next. False where there is no signature, an empty one, no
    secret or an empty one. Takes constant time in the signature's contents. Never raises, whatever it is given.
    """
    content = signed(body, headers)
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
    """The bytes that the forge signed: the body, or for a form its `payload` field, None where it has none."""
    if not is_form(headers):
        return body
    for field in body.split(b"&", _FORM_FIELDS):
        name, _, value = field.partition(b"=")
        if name == b"payload":
            return _ESCAPES.sub(_unescape, value.replace(b"+", b" "))
    return None


def is_form(headers: Mapping[str, str]) -> bool:
    """Whether the hook sends forms (`Content-Type`, parameters left out)."""
    for name, value in headers.items():
        if name.lower() == "content-type":
            return value.partition(";")[0].strip().lower() == FORM
    return False


def _unescape(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[0].replace(b"%", b"").decode())
