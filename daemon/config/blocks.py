"""The [[profiles]] blocks of a configuration, gathered but not yet bound to their profiles."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from daemon.config.errors import BadValueError
from daemon.config.kinds import shown

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
_PREFIX: Final = re.compile(r"[a-z_][a-z0-9_]{0,30}", re.ASCII)


class ProfileBlock(msgspec.Struct, frozen=True, kw_only=True):
    """One [[profiles]] block."""

    use: str
    """The name of a shipped profile, or the whole path of a file of one's own (what holds a / or ends in .yaml)."""
    name: str | None = None
    """None: the profile's own name."""
    view_prefix: str = ""
    """Stands before the names of the block's SQL views."""
    parameters: Mapping[str, Any]
    """Every other key, as TOML gives it."""


def read_blocks(value: object, base: Path, wrong: Callable[[str, BadValueError], None]) -> tuple[ProfileBlock, ...]:
    """Return the blocks in `value`, paths relative to `base`; hand every mistake to `wrong` with its key."""
    if not isinstance(value, list) or not value:
        remedy = 'add a block: [[profiles]] and below it use = "markdown"'
        wrong("profiles", BadValueError("no profile is named" if not value else "this is a list of blocks", remedy))
        return ()
    blocks: list[ProfileBlock] = []
    for index, table in enumerate(value):
        key = f"profiles.{index}"
        if not isinstance(table, dict):
            wrong(key, BadValueError(f"{shown(table)} is not a block", 'write [[profiles]] and below it use = "…"'))
        elif (block := _block(table, base, key, wrong)) is not None:
            name = block.name or block.use
            if any(name == (other.name or other.use) for other in blocks):
                remedy = 'give one of them another name: name = "…"'
                wrong(key, BadValueError(f"two blocks are called {shown(name)}", remedy))
            blocks.append(block)
    return tuple(blocks)


def _block(
    table: dict[str, Any], base: Path, key: str, wrong: Callable[[str, BadValueError], None]
) -> ProfileBlock | None:
    use, name, prefix = table.get("use"), table.get("name"), table.get("view_prefix", "")
    if not isinstance(use, str) or not use or "\x00" in use:
        wrong(f"{key}.use", BadValueError("missing, or not a text", 'name the profile, as in use = "rfc"'))
        return None
    if name is not None and not (isinstance(name, str) and _NAME.fullmatch(name)):
        remedy = "write small letters, digits, - and _; it becomes part of addresses"
        wrong(f"{key}.name", BadValueError(f"{shown(name)} cannot be a name", remedy))
        return None
    if not isinstance(prefix, str) or (prefix and not _PREFIX.fullmatch(prefix)):
        remedy = "write small letters, digits and _; it becomes part of SQL names"
        wrong(f"{key}.view_prefix", BadValueError(f"{shown(prefix)} cannot be a prefix", remedy))
        return None
    if "/" in use or use.endswith((".yaml", ".yml")):
        use = str(base / use)
    parameters = {word: value for word, value in table.items() if word not in ("use", "name", "view_prefix")}
    return ProfileBlock(use=use, name=name, view_prefix=prefix, parameters=parameters)
