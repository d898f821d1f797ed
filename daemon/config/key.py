"""What a key of the configuration is."""

from __future__ import annotations

from typing import Final

import msgspec

from daemon.config.kinds import Kind

PREFIX: Final = "FORGEGLASS_"


class Key(msgspec.Struct, frozen=True):
    """One key."""

    name: str
    """With its section: "forge.url"."""
    kind: Kind
    help: str
    default: object = None
    """As one would write it in the file. None: nothing, or the key is required."""
    required: bool = False
    reached: str = ""
    """Of a limit: what happens when it is reached."""

    @property
    def variable(self) -> str:
        """The environment variable that overrides it: "forge.url" → FORGEGLASS_FORGE_URL."""
        return variable(self.name)


def variable(name: str) -> str:
    """Return the environment variable of the key `name`."""
    return PREFIX + name.replace(".", "_").upper()
