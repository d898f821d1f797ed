"""Keeping the token out of what is said."""

from __future__ import annotations

from gitea_client.errors import SettingError
from gitea_client.secret import Secret


def check_token(token: Secret | None) -> Secret | None:
    """`token` itself; raises SettingError for what cannot stand in a header.

    A line break would let a token file smuggle a second header into every request.
    """
    value = token.reveal() if token else "-"
    if not value.isascii() or not value.isprintable() or not value or " " in value:
        raise SettingError("the token must be one line of printable ASCII without spaces; check forge.token_file")
    return token


def redact(text: str, token: Secret | None) -> str:
    """`text` with the token replaced wherever it stands."""
    return text.replace(token.reveal(), "***") if token else text
