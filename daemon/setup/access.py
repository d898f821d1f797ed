"""How a forge is reached before there is a configuration, or with what one says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from daemon.config import Config
from daemon.config.errors import BadValueError
from daemon.config.keys import SECRET_VARIABLES, default
from daemon.config.kinds import PATH, SECRET_PATH, URL
from daemon.config.secret_files import read_secret, read_secrets
from gitea_client.redaction import check_token
from gitea_client.secret import Secret

T = TypeVar("T")


class Access(msgspec.Struct, frozen=True):
    """A forge and what opens it. Paths are whole, `timeout` is seconds, `max_file_size` bytes."""

    url: str
    token: Secret | None = None
    token_file: Path | None = None
    ca_file: Path | None = None
    git: str = default("forge.git")
    timeout: float = default("forge.timeout")
    max_file_size: int = default("forge.max_file_size")


class Options(msgspec.Struct, frozen=True):
    """What was said on the command line; None where nothing was."""

    url: str | None = None
    token_file: str | None = None
    ca_file: str | None = None


def from_options(options: Options, environ: Mapping[str, str], folder: Path) -> Access:
    """The access that the options give; paths in them count from `folder`. Reads the token's file.

    Without a token file the token comes from FORGEGLASS_FORGE_TOKEN, and without that there is none. Raises
    BadValueError, its problem beginning with the option; no message holds what may be a secret.
    """
    url = _said("--url", lambda: str(URL.parse(options.url)))
    ca_text = options.ca_file
    ca_file = None if ca_text is None else _said("--ca-file", lambda: _there(PATH.parse(_expanded(ca_text)), folder))
    if (text := options.token_file) is not None:
        path = _said("--token-file", lambda: _secret_there(_expanded(text), folder))
        return Access(url, _said("--token-file", lambda: _fit(read_secret(path))), path, ca_file)
    variable = SECRET_VARIABLES["token"]
    given = environ.get(variable, "").strip()
    return Access(url, _said(variable, lambda: _fit(Secret(given))) if given else None, None, ca_file)


def from_config(config: Config, options: Options, environ: Mapping[str, str], folder: Path) -> Access:
    """The access that a configuration gives, changed by the options. Raises BadValueError and ConfigError."""
    forge = config.forge
    if options.url is not None and options.token_file is None and options.url.rstrip("/") != forge.url:
        # the token of one forge is not to be shown to another
        raise BadValueError("--url names another forge than the configuration", "give its --token-file as well")
    base = Access(
        url=forge.url,
        token=None if options.token_file is not None else read_secrets(config, environ).token,
        token_file=forge.token_file,
        ca_file=forge.ca_file,
        git=forge.git,
        timeout=forge.timeout,
        max_file_size=forge.max_file_size,
    )
    said = from_options(msgspec.structs.replace(options, url=options.url or forge.url), {}, folder)
    changes = {
        name: value for name in ("url", "token", "token_file", "ca_file") if (value := getattr(said, name)) is not None
    }
    return msgspec.structs.replace(base, **changes)


def _said(option: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except BadValueError as error:
        raise BadValueError(f"{option}: {error.problem}", error.remedy) from None


def _expanded(text: str) -> str:
    """A leading ~ as the shell would have read it, had it stood alone."""
    return str(Path(text).expanduser()) if text.startswith("~/") else text


def _there(path: object, folder: Path) -> Path:
    whole = folder / str(path)
    if not whole.is_file():
        raise BadValueError(f"there is no file {whole}", "make it, or name another")
    return whole


def _secret_there(text: str, folder: Path) -> Path:
    whole = folder / str(SECRET_PATH.parse(text))
    if not whole.is_file():  # without the name: it may be the secret itself, put here by mistake
        raise BadValueError("there is no such file", f"make it, or name another; a relative path counts from {folder}")
    return whole


def _fit(token: Secret) -> Secret:
    try:
        check_token(token)
    except ValueError:
        problem = "the token is no single line of printable ASCII without spaces"
        raise BadValueError(problem, "put the token and nothing else there") from None
    return token
