"""The configuration: one TOML file, with an environment variable for every key; all mistakes told at once."""

from daemon.config.errors import ConfigError, Mistake
from daemon.config.limits import Limits
from daemon.config.loading import Address, Api, Config, Forge, Log, ProfileBlock, Sweep, Webhooks, load

__all__ = [
    "Address", "Api", "Config", "ConfigError", "Forge", "Limits", "Log", "Mistake", "ProfileBlock", "Sweep", "Webhooks",
    "load",
]  # fmt: skip
