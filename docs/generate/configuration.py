"""The page of configuration keys, from daemon.config.keys."""

from __future__ import annotations

import json

import marks
from marks import code, plain, table

from cache.profile.loader import load_profile, shipped
from daemon.config.keys import CONFIG_VARIABLE, KEYS, SECRET_VARIABLES, Key

INTRO = """\
One TOML file, `forgeglass.toml`. Paths in it count from the folder that it is in. Commands take `./forgeglass.toml`,
or what `--config` or the variable `{config}` names. `forgeglass init` writes one. An unknown key is an error that
names the nearest known one; all mistakes are told together.

Durations are written `30s`, `5m`, `1h`; sizes `64KB`, `1MB`.
"""

PROFILES = """\
## [[profiles]]

Each block names a profile, and gives it parameters. `use` is the name of a shipped profile, or the path of a file.

| key | what it does |
| --- | --- |
| `use` | The profile: a name, or a path that ends in `.yaml`. |
| `name` | The name of the block, in addresses: `/api/v1/{name}/{collection}`. Without it, the profile's. |
| `view_prefix` | What the names of the block's SQL views begin with. Without it, nothing. |

Beside these stand the profile's own parameters.
"""

VARIABLES = """\
## Variables

Every key has a variable that overrides it: `FORGEGLASS_` and the key in capitals, `.` as `_`. A list is written with
commas. An empty variable counts as not set; an unknown one is an error. `FORGEGLASS_PROFILES_0_META` sets the
parameter `meta` of the first block.

Secrets may stand in variables of their own, where there is neither a file nor a credential of systemd:
"""


def page_of(keys: tuple[Key, ...]) -> str:
    """One table for each section."""
    sections: dict[str, list[Key]] = {}
    for key in keys:
        sections.setdefault(key.name.rpartition(".")[0], []).append(key)
    parts = []
    for section, held in sections.items():
        rows = [
            (code(key.name.rpartition(".")[2]), plain(key.kind.name), _default(key), plain(key.help)) for key in held
        ]
        title = f"[{section}]" if section else "At the top"
        parts.append(f"## {title}\n\n{table(('key', 'takes', 'when left out', 'what it does'), rows)}")
    return "\n".join(parts)


def _default(key: Key) -> str:
    if key.required:
        return "**required**"
    return "" if key.default is None else code(json.dumps(key.default))


def _parameters() -> str:
    parts = []
    for path in sorted(shipped().glob("*.yaml")):
        spec = load_profile(path).spec
        rows = [
            (
                code(name),
                parameter.type,
                "**required**" if parameter.required else code(json.dumps(parameter.default))
                if parameter.default is not None else "",
                plain(parameter.description),
            )
            for name, parameter in spec.parameters.items()
        ]  # fmt: skip
        head = ("parameter", "type", "when left out", "what it is")
        parts.append(f"### {spec.profile}\n\n{plain(spec.description)}\n\n{table(head, rows)}")
    return "\n".join(parts)


def page() -> str:
    """The page."""
    secrets = table(("secret", "variable"), [(name, code(variable)) for name, variable in SECRET_VARIABLES.items()])
    intro = INTRO.format(config=CONFIG_VARIABLE)
    return marks.page("Configuration", intro, page_of(KEYS), PROFILES, _parameters(), VARIABLES, secrets)
