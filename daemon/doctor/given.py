"""The secrets that are given: each that can be read, and of each that cannot, why. Never what they hold."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from daemon.config import Config, ConfigError
from daemon.config.keys import SECRET_VARIABLES
from daemon.config.secret_files import Secrets, read_secrets
from daemon.doctor.result import Result, fail

LABELS = {
    "token": "token file",
    "webhook_secret": "webhook secret",
    "webhook_secret_previous": "previous secret",
}


def given(config: Config, environ: Mapping[str, str]) -> tuple[Secrets, list[Result]]:
    """What can be read, so that one bad file does not hide everything behind it; and what cannot."""
    try:
        return read_secrets(config, environ), []
    except ConfigError as error:
        mistakes = error.mistakes
    found, bad = [], set()
    for mistake in mistakes:
        name = mistake.key.removeprefix("forge.").removesuffix("_file")
        bad.add(name)
        where = SECRET_VARIABLES.get(name, name) if mistake.key == name else mistake.key
        found.append(fail(LABELS.get(name, name), f"{where}: {mistake.problem}", mistake.remedy))
    forge = replace(config.forge, **{f"{name}_file": None for name in bad})
    hidden = {"CREDENTIALS_DIRECTORY", *(SECRET_VARIABLES[name] for name in bad if name in SECRET_VARIABLES)}
    rest = {name: value for name, value in environ.items() if name not in hidden}
    try:
        return read_secrets(replace(config, forge=forge), rest), found
    except ConfigError:
        return Secrets(), found
