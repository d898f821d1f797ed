"""Where secrets come from: a file, a credential of the service manager, the environment; in that order.

A secret never stands in the configuration itself, so a configuration can be shown to anyone. A webhook secret that
nobody gives is one of our own in `data_dir`, made by `daemon.hooks.secret` where it is needed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import msgspec

from daemon.config import Config
from daemon.config.errors import BadValueError, ConfigError, Mistake
from daemon.config.keys import SECRET_VARIABLES
from gitea_client.errors import SettingError
from gitea_client.secret import Secret

_MOST_BYTES: Final = 64 * 1024

OWN_SECRET: Final = "webhook-secret"  # noqa: S105 - a file's name
"""The file in `data_dir` with the webhook secret that was made by itself."""
OWN_PREVIOUS: Final = "webhook-secret.previous"
"""The one before it, accepted until it is renewed once more."""


class Secrets(msgspec.Struct, frozen=True):
    """What the daemon must keep to itself. None: not given."""

    token: Secret | None = None
    webhook_secret: Secret | None = None
    webhook_secret_previous: Secret | None = None

    def given(self) -> tuple[Secret, ...]:
        """Return every secret there is, for the log's redaction."""
        return tuple(secret for secret in msgspec.structs.astuple(self) if secret is not None)

    def webhook_secrets(self) -> tuple[Secret, ...]:
        """Return the secrets that may sign a delivery, the present one first."""
        return tuple(secret for secret in (self.webhook_secret, self.webhook_secret_previous) if secret is not None)


def read_secret(path: Path) -> Secret:
    """Return the secret that the file holds, without the newline an editor puts at its end.

    Raises BadValueError where the file cannot be read, or is empty, too long, not UTF-8, or of more than one line:
    such a value cannot travel in a header. The message never holds what the file holds.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise BadValueError(f"{path} cannot be read ({error.strerror})", "let the daemon's user read it") from None
    if len(raw) > _MOST_BYTES:
        raise BadValueError(f"{path} is too long for a secret", "name the file that holds the secret and nothing else")
    return _clean(raw, str(path))


def read_secrets(
    config: Config, environ: Mapping[str, str], names: Collection[str] = tuple(SECRET_VARIABLES)
) -> Secrets:
    """Return the secrets for `config`: each from its file, else from $CREDENTIALS_DIRECTORY/<name>, else from
    FORGEGLASS_FORGE_TOKEN, FORGEGLASS_FORGE_WEBHOOK_SECRET and FORGEGLASS_FORGE_WEBHOOK_SECRET_PREVIOUS. Where no
    webhook secret is given, those that were made by themselves in `data_dir`, if there are any yet. Only those of
    `names` are looked at.

    The credentials' names are token, webhook_secret and webhook_secret_previous (systemd's LoadCredential=token:…).
    Raises ConfigError with every secret that cannot be used.
    """
    found: dict[str, Secret | None] = {}
    mistakes: list[Mistake] = []
    for name in names:
        path: Path | None = getattr(config.forge, f"{name}_file")
        try:
            found[name] = read_secret(path) if path else _elsewhere(name, environ)
        except BadValueError as error:
            key = f"forge.{name}_file" if path else name
            mistakes.append(Mistake(str(config.path), None, key, error.problem, error.remedy))
    if found.get("webhook_secret", ...) is None:
        for name, own in (("webhook_secret", OWN_SECRET), ("webhook_secret_previous", OWN_PREVIOUS)):
            try:
                found[name] = found[name] or _own(config.data_dir / own)
            except BadValueError as error:
                mistakes.append(Mistake(str(config.path), None, name, error.problem, error.remedy))
    if mistakes:
        raise ConfigError(mistakes)
    return Secrets(**found)


def read_token(config: Config, environ: Mapping[str, str]) -> Secret | None:
    """Return the token as it stands now. Raises SettingError with what is wrong and what to do about it."""
    try:
        return read_secrets(config, environ, ("token",)).token
    except ConfigError as error:
        raise SettingError("; ".join(f"{each.key}: {each.problem}; {each.remedy}" for each in error.mistakes)) from None


def _own(path: Path) -> Secret | None:
    try:
        return read_secret(path) if path.exists() else None
    except OSError as error:  # the folder may not be entered
        raise BadValueError(f"{path} cannot be looked at ({error.strerror})", "let this user enter data_dir") from None


def _elsewhere(name: str, environ: Mapping[str, str]) -> Secret | None:
    if directory := environ.get("CREDENTIALS_DIRECTORY"):
        credential = Path(directory) / name
        if credential.exists():
            return read_secret(credential)
    variable = SECRET_VARIABLES[name]
    text = environ.get(variable)
    return _clean(text.encode(errors="surrogateescape"), variable) if text else None


def _clean(raw: bytes, source: str) -> Secret:
    try:
        text = raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise BadValueError(f"{source} is not UTF-8", "write the secret as plain text") from None
    if not text.strip():
        raise BadValueError(f"{source} is empty", "write the secret into it")
    if any(character in text for character in "\r\n\x00"):
        raise BadValueError(f"{source} holds more than one line", "leave one line, the secret itself")
    return Secret(text)
