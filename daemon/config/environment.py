"""What FORGEGLASS_… variables change in a configuration, before it is checked.

FORGEGLASS_FORGE_URL stands for `forge.url`; FORGEGLASS_PROFILES_0_META for `meta` in the first [[profiles]] block,
whatever its parameters are called, and FORGEGLASS_PROFILES_1_USE adds a second block where there is one. An empty
variable counts as not set: container files pass on what is not there as empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from daemon.config.errors import Mistake, suggest
from daemon.config.keys import CONFIG_VARIABLE, KEYS, PREFIX, SECRET_VARIABLES

_BLOCK: Final = re.compile(rf"{PREFIX}PROFILES_([0-9]{{1,3}})_([A-Za-z0-9_]+)", re.ASCII)
_BY_VARIABLE: Final = {key.variable: key for key in KEYS}
_KNOWN: Final = (*_BY_VARIABLE, *SECRET_VARIABLES.values(), CONFIG_VARIABLE)


def override(
    document: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str], list[Mistake]]:
    """Return the document with the environment's values put in, which variable each key came from, and mistakes.

    `document` is TOML as read and is left as it is. Unknown FORGEGLASS_ variables are mistakes: a typing error in an
    override would otherwise be silently without effect.
    """
    changed = _copy(document)
    sources: dict[str, str] = {}
    mistakes: list[Mistake] = []
    blocks: list[tuple[int, str, str]] = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or not environ[name] or name in (CONFIG_VARIABLE, *SECRET_VARIABLES.values()):
            continue
        if key := _BY_VARIABLE.get(name):
            section, _, last = key.name.rpartition(".")
            table = changed.setdefault(section, {}) if section else changed
            if isinstance(table, dict):  # else the file has a value where a section belongs: reported as such
                table[last] = key.kind.from_text(environ[name])
                sources[key.name] = name
        elif block := _BLOCK.fullmatch(name):
            blocks.append((int(block[1]), block[2], name))
        else:
            mistakes.append(_unknown(name))
    for index, parameter, name in sorted(blocks):
        problem = _set_in_block(changed, index, parameter, environ[name])
        if isinstance(problem, Mistake):
            mistakes.append(problem)
        else:
            sources[f"profiles.{index}.{problem}"] = name
    return changed, sources, mistakes


def _copy(document: Mapping[str, Any]) -> dict[str, Any]:
    """Copy as deep as overrides write: sections, and the blocks of profiles."""
    changed = {name: dict(value) if isinstance(value, dict) else value for name, value in document.items()}
    blocks = changed.get("profiles")
    if isinstance(blocks, list):
        changed["profiles"] = [dict(block) if isinstance(block, dict) else block for block in blocks]
    return changed


def _unknown(name: str) -> Mistake:
    return Mistake(name, None, "", "no such variable", suggest(name, _KNOWN, "unset it"))


def _set_in_block(document: dict[str, Any], index: int, parameter: str, text: str) -> str | Mistake:
    """Set a parameter of a block, and return the name it has there. The value takes the shape the file gives it."""
    blocks = document.setdefault("profiles", [])
    if isinstance(blocks, list) and index == len(blocks):
        blocks.append({})
    if not isinstance(blocks, list) or index >= len(blocks) or not isinstance(blocks[index], dict):
        name = f"{PREFIX}PROFILES_{index}_{parameter}"
        return Mistake(name, None, "", f"there is no block {index} of profiles", "blocks count from 0, without a gap")
    block = blocks[index]
    name = next((known for known in block if known.lower() == parameter.lower()), parameter.lower())
    block[name] = _like(block.get(name), text)
    return name


def _like(model: object, text: str) -> object:
    """Read `text` as the kind of value that `model`, the file's own, is. Where it is not one, leave it a text."""
    if isinstance(model, bool):
        return {"true": True, "false": False}.get(text.lower(), text)
    if isinstance(model, int):
        return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text, re.ASCII) else text
    if isinstance(model, list):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text
