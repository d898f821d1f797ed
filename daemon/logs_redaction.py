"""Takes secrets out of what is logged, whichever way they got there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Final

from gitea_client.secret import Secret

HIDDEN: Final = "***"

_TELLING_KEY: Final = re.compile(r"token|secret|authorization|password|cookie|signature", re.IGNORECASE)
_HEADER: Final = re.compile(
    r"""(authorization['"]?\s*[:=]\s*['"]?)(?:(?:token|bearer|basic)\s+)?[^\s'",]+""", re.IGNORECASE
)
_OURS: Final = re.compile(r"\bfg_[A-Za-z0-9_-]{16,}|(?<=forgeglass_session=)[A-Za-z0-9_-]+")
"""Tokens of the API and cookies of sessions: only their hashes are known, so they are found by their form."""
_USER_INFO: Final = re.compile(r"(\w://)[^\s/@]+@")
_DEEPEST: Final = 8


class Redactor:
    """Replace known secrets, values under telling keys, and credentials in headers and addresses, by `***`.

    Also a structlog processor. It runs after exceptions have become text, so that their text is searched as well.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._known: list[str] = []
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Secret) -> None:
        """Hide this one too, from now on, also as it looks inside a repr or JSON text."""
        value = secret.reveal()
        forms = {value, repr(value)[1:-1], value.replace("\\", "\\\\").replace('"', '\\"')}
        # the longest first: one secret may be a part of another
        self._known = sorted({*self._known, *filter(None, forms)}, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        for known in self._known:
            text = text.replace(known, HIDDEN)
        return _OURS.sub(HIDDEN, _USER_INFO.sub(rf"\1{HIDDEN}@", _HEADER.sub(rf"\1{HIDDEN}", text)))

    def value(self, value: object, depth: int = 0) -> object:
        """Return `value` without secrets; what is neither a number nor a container becomes text."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if depth > _DEEPEST:
            return "…"
        if isinstance(value, Mapping):
            return {self.text(str(key)): self._under(str(key), inner, depth) for key, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(inner, depth + 1) for inner in value]
        if isinstance(value, bytes):
            return self.text(value.decode(errors="replace"))
        if isinstance(value, BaseException):
            return self.text(f"{type(value).__name__}: {value}")
        return self.text(str(value))

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Redact a log event; the keys that structlog keeps for itself (with an underscore) are left."""
        return {
            key: value if key.startswith("_") else self._under(key, value, 0) for key, value in event.items()
        }

    def _under(self, key: str, value: object, depth: int) -> object:
        return HIDDEN if _TELLING_KEY.search(key) and value is not None else self.value(value, depth + 1)
