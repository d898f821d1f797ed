"""The configuration: one TOML file, paths in it relative to itself, each key open to a FORGEGLASS_ variable.

    data_dir = "data"
    [forge]
    url = "http://127.0.0.1:3000"
    owners = ["acme"]
    [[profiles]]
    use = "rfc"
    meta = "acme/meta"

What keys there are stands in `keys.KEYS`. A profile's parameters are gathered here as they are; what they mean
is known to the profile alone.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from daemon.config.blocks import ProfileBlock, read_blocks
from daemon.config.cautions import find_warnings
from daemon.config.environment import override
from daemon.config.errors import BadValueError, ConfigError, Mistake, suggest
from daemon.config.keys import KEYS, KEYS_BY_NAME, default
from daemon.config.kinds import SECRET_PATH, Address
from daemon.config.limits import Limits
from daemon.config.lines import find_lines

__all__ = [
    "Address", "Anonymous", "Api", "Config", "ConfigError", "Forge", "Limits", "Log", "Mistake", "ProfileBlock",
    "Sweep", "Webhooks",
]  # fmt: skip

Anonymous = Literal["public", "all", "none"]


class Forge(msgspec.Struct, frozen=True, kw_only=True):
    """[forge]: the server that is read. Durations are seconds, sizes bytes, paths whole."""

    url: str
    """Without a slash at its end."""
    aliases: tuple[str, ...] = default("forge.aliases")
    owners: tuple[str, ...]
    token_file: Path | None = None
    webhook_secret_file: Path | None = None
    webhook_secret_previous_file: Path | None = None
    ca_file: Path | None = None
    concurrency: int = default("forge.concurrency")
    timeout: float = default("forge.timeout")
    git: str = default("forge.git")
    max_file_size: int = default("forge.max_file_size")


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """[sweep]: seconds."""

    interval: float = default("sweep.interval")
    deep_interval: float = default("sweep.deep_interval")
    overlap: float = default("sweep.overlap")


class Webhooks(msgspec.Struct, frozen=True, kw_only=True):
    """[webhooks]: where deliveries come in, and how many bytes one may have."""

    path: str = default("webhooks.path")
    max_body: int = default("webhooks.max_body")


class Api(msgspec.Struct, frozen=True, kw_only=True):
    """[api]: seconds a query may run, how many changes the feed keeps, what is told without a token, which proxy is
    believed when it names people, and whose pages may read."""

    query_timeout: float = default("api.query_timeout")
    feed_keep: int = default("api.feed_keep")
    anonymous: Anonymous = default("api.anonymous")
    proxy_addresses: tuple[str, ...] = default("api.proxy_addresses")
    proxy_header: str = default("api.proxy_header")
    proxy_token: str | None = None
    cors_origins: tuple[str, ...] = default("api.cors_origins")


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """[log]."""

    level: Literal["debug", "info", "warning", "error"] = default("log.level")
    format: Literal["auto", "json", "console"] = default("log.format")


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration that was found right."""

    path: Path
    """The file it came from."""
    data_dir: Path
    forge: Forge
    profiles: tuple[ProfileBlock, ...]
    listen: Address = default("listen")
    public_url: str | None = None
    group: str | None = None
    sweep: Sweep = Sweep()
    webhooks: Webhooks = Webhooks()
    api: Api = Api()
    log: Log = Log()
    limits: Limits = Limits()
    warnings: tuple[str, ...] = ()
    """What is allowed and unwise, for the log and for `doctor`."""


SECTIONS = {
    "forge": Forge, "sweep": Sweep, "webhooks": Webhooks, "api": Api, "log": Log, "limits": Limits,
}  # fmt: skip


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Return the configuration in the file at `path`, changed by the FORGEGLASS_ variables of `environ`.

    Raises ConfigError that holds every mistake of the file and of the environment, each with its place and its
    remedy. Reads the file, and looks whether the files that it names are there; secrets are read by
    `secret_files.read_secrets`.
    """
    path = path.absolute()
    try:
        text = path.read_bytes().decode("utf-8-sig")
        document = tomllib.loads(text)
    except OSError as error:
        remedy = "write one with `forgeglass init`, or name another"
        raise ConfigError([Mistake(str(path), None, "", f"cannot be read ({error.strerror})", remedy)]) from None
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, or nested beyond all reason
        mistake = Mistake(str(path), None, "", f"not TOML: {str(error)[:200]}", "correct it there")
        raise ConfigError([mistake]) from None
    return _Reading(path, text, document, environ).config()


class _Reading:
    """One reading of a file: gathers the mistakes so that all are told together."""

    def __init__(self, path: Path, text: str, document: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        self._path = path
        self._lines = find_lines(text)
        self._document, self._sources, self._mistakes = override(document, environ)

    def config(self) -> Config:
        self._refuse_unknown()
        values = {key.name: self._value(key.name) for key in KEYS}
        blocks = read_blocks(self._document.get("profiles"), self._path.parent, self._wrong)
        self._compare(values)
        if self._mistakes:
            raise ConfigError(sorted(self._mistakes, key=lambda mistake: (mistake.source, mistake.line or 0)))
        sections: dict[str, Any] = {
            name: kind(**{key.rpartition(".")[2]: value for key, value in values.items() if key.startswith(f"{name}.")})
            for name, kind in SECTIONS.items()
        }
        top: dict[str, Any] = {key: value for key, value in values.items() if "." not in key}
        config = Config(path=self._path, profiles=blocks, **top, **sections)
        return msgspec.structs.replace(config, warnings=find_warnings(config))

    def _wrong(self, key: str, error: BadValueError) -> None:
        variable = self._sources.get(key)
        source, line = (variable, None) if variable else (str(self._path), self._line(key))
        self._mistakes.append(Mistake(source, line, key, error.problem, error.remedy))

    def _line(self, key: str) -> int | None:
        """Return the line of the key, or of the section around it where the key itself is not there."""
        while key and key not in self._lines:
            key = key.rpartition(".")[0]
        return self._lines.get(key)

    def _value(self, name: str) -> Any:
        section, _, last = name.rpartition(".")
        table = self._document.get(section, {}) if section else self._document
        key = KEYS_BY_NAME[name]
        if not isinstance(table, dict):
            return None  # told once, for the section
        if last not in table:
            if key.required:
                self._wrong(name, BadValueError("missing", f"add it: {key.help}"))
            return default(name)
        try:
            value = key.kind.parse(table[last])
            return self._located(name, value)
        except BadValueError as error:
            self._wrong(name, error)
            return None

    def _located(self, name: str, value: object) -> object:
        """Make paths whole, and look whether files that are to be read are there."""
        if name == "forge.git" and "/" in str(value):
            return str(self._path.parent / str(value))
        if not isinstance(value, Path):
            return value
        whole = self._path.parent / value
        try:
            if name == "data_dir":
                if whole.exists() and not whole.is_dir():
                    remedy = "name a directory; it is made where there is none"
                    raise BadValueError(f"{whole} is not a directory", remedy)
            elif KEYS_BY_NAME[name].kind is SECRET_PATH and not whole.is_file():
                # without the name: it may be the secret itself, put here by mistake, and this goes to logs
                remedy = f"make it, or name another; a relative path counts from {self._path.parent}"
                raise BadValueError("is a folder" if whole.is_dir() else "there is no such file", remedy)
            elif not whole.is_file():
                raise BadValueError(f"there is no file {whole}", "make it, or name another")
        except OSError as error:
            secret = KEYS_BY_NAME[name].kind is SECRET_PATH  # may be written there itself, by mistake
            what = f"{'the path' if secret else whole} cannot be looked at ({error.strerror})"
            raise BadValueError(what, "let this user enter each folder on the way, or name another") from None
        return whole

    def _compare(self, values: Mapping[str, Any]) -> None:
        quiet, deep = values["sweep.interval"], values["sweep.deep_interval"]
        if quiet and deep and deep < quiet:
            remedy = "make it at least as long as sweep.interval"
            self._wrong("sweep.deep_interval", BadValueError("a deep sweep more often than a quiet one", remedy))

        addresses, token = values["api.proxy_addresses"], values["api.proxy_token"]
        if addresses and not token:
            remedy = 'make a token (`forgeglass token create people`) and write its name: proxy_token = "people"'
            self._wrong("api.proxy_addresses", BadValueError("what people see whom it names is not said", remedy))
        if token and not addresses:
            remedy = 'write the proxy\'s: proxy_addresses = ["127.0.0.1"]'
            self._wrong("api.proxy_token", BadValueError("no proxy is believed without an address", remedy))

    def _refuse_unknown(self) -> None:
        sections: dict[str, list[str]] = {"": ["profiles"]}
        for key in KEYS:
            section, _, last = key.name.rpartition(".")
            sections.setdefault(section, []).append(last)
        for name, value in self._document.items():
            if name in sections:
                if isinstance(value, dict):
                    for inner in value:
                        if inner not in sections[name]:
                            self._unknown(f"{name}.{inner}", inner, sections[name])
                else:
                    self._wrong(name, BadValueError("this is a section", f"write [{name}] and its keys below"))
            elif name not in sections[""]:
                self._unknown(name, name, [*sections[""], *filter(None, sections)])

    def _unknown(self, key: str, name: str, known: list[str]) -> None:
        self._wrong(key, BadValueError("no such key", suggest(name, known, f"known here: {', '.join(sorted(known))}")))
