"""The text of a configuration from what was answered, with every other key in it as a comment."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from cache.profile.infer_text import quoted
from daemon.config import kinds
from daemon.config.keys import KEYS, Key
from daemon.setup.propose import Proposal

WIDTH = 40
"""The column of a comment behind a key."""

EXAMPLES: Mapping[str, str] = {
    "public_url": "https://forgeglass.example.org",
    "group": "readers",
    "forge.token_file": "token",
    "forge.webhook_secret_file": "webhook-secret",
    "forge.webhook_secret_previous_file": "webhook-secret.previous",
    "forge.ca_file": "ca.pem",
}
"""What stands in the comment of a key that has no default."""


class Answers(Struct, frozen=True):
    """What the configuration is to say. Paths as they are to be written: whole, or relative to the file."""

    url: str
    owners: tuple[str, ...]
    blocks: tuple[Proposal, ...]
    token_file: str | None = None
    ca_file: str | None = None
    data_dir: str = "data"
    seen: str = ""
    """A line about what the forge was when it was looked at."""
    optional: Mapping[str, Mapping[str, str]] = {}
    """For each profile its other parameters, with what each is."""


def write_config(answers: Answers) -> str:
    """The text of the file. It loads with `daemon.config.load` where the files that it names are there."""
    given: dict[str, object] = {
        "data_dir": answers.data_dir,
        "forge.url": answers.url,
        "forge.owners": list(answers.owners),
        "forge.token_file": answers.token_file,
        "forge.ca_file": answers.ca_file,
    }
    return "".join(f"{line}\n" for line in _lines(answers, given))


def toml(value: object) -> str:
    """A value as TOML writes it: texts, whole numbers, truth, and lists of them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(toml(item) for item in value)}]"
    return str(value) if isinstance(value, int) else quoted(str(value))


def _lines(answers: Answers, given: Mapping[str, object]) -> Iterator[str]:
    yield "# The configuration of Forgeglass, made by `forgeglass init`. Paths are relative to this file."
    yield "# A key behind a # shows its default, or an example; take the # away to change it. Each can also be set by a"
    yield "# variable: forge.url by FORGEGLASS_FORGE_URL."
    if answers.seen:
        yield f"# Seen: {_plain(answers.seen)}"
    sections: dict[str, list[Key]] = {}
    for key in KEYS:
        sections.setdefault(key.name.rpartition(".")[0], []).append(key)
    for section, keys in sections.items():
        yield ""
        if section:
            yield f"[{section}]"
        for key in keys:
            yield from _key(key, given.get(key.name))
    for block in answers.blocks:
        yield ""
        yield from _block(block, answers.optional.get(block.use, {}))


def _key(key: Key, value: object) -> Iterator[str]:
    last = key.name.rpartition(".")[2]
    if value is not None:
        yield from _explained(f"{last} = {toml(value)}", key.help)
    else:
        shown = key.default if key.default is not None else EXAMPLES.get(key.name, _example(key))
        yield from _explained(f"# {last} = {toml(shown)}", key.help)


def _explained(line: str, what: str) -> Iterator[str]:
    """A line with what it means behind it, or above it where it is long."""
    if len(line) >= WIDTH:
        yield from (f"# {_plain(what)}", line)
    else:
        yield f"{line:<{WIDTH}}# {_plain(what)}"


def _example(key: Key) -> object:
    """Something of the right kind, for a key that has neither default nor example."""
    return "https://example.org" if key.kind is kinds.URL else [] if key.kind is kinds.OWNERS else "…"


def _block(block: Proposal, optional: Mapping[str, str]) -> Iterator[str]:
    if block.found:
        files = "1 file" if block.files == 1 else f"{block.files} files"
        yield f"# {files} seen in {_plain(_several(block.found))}."
    if block.keys:
        yield f"# Front matter says {_plain(', '.join(block.keys))}. Fields of these names need a profile of your own:"
        yield from _inferring(block.example, block.parameters.get("path", ""))
    yield "[[profiles]]"
    yield f"use = {toml(block.use)}"
    if block.name:
        yield from _explained(f"name = {toml(block.name)}", f"Its place in addresses: /api/v1/{block.name}/…")
    if block.view_prefix:
        yield from _explained(f"view_prefix = {toml(block.view_prefix)}", "Stands before the names of its SQL views.")
    for name, value in block.parameters.items():
        yield f"{name} = {toml(value)}"
    for name, what in optional.items():
        if name not in block.parameters:
            yield from _explained(f'# {name} = "…"', what)


def _inferring(repository: str, path: str) -> Iterator[str]:
    """The command that writes a profile of one's own; nothing where its parts cannot be seen, and so not be typed.

    It is there to be pasted into a shell: what a forge calls its folders must stay one word of it, and no option.
    """
    parts = [part for part in (repository, path) if part]
    if all(part.isprintable() for part in parts):
        end = ["--"] if any(part.startswith("-") for part in parts) else []
        yield f"# {shlex.join(['forgeglass', 'profile', 'infer', *end, *parts])}"


def _several(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    shown = ", ".join(names[:3])
    return f"{len(names)} repositories ({shown}{', …' if len(names) > 3 else ''})"


def _plain(text: str) -> str:
    """Foreign text in a comment: it must not end the line."""
    return text if text.isprintable() else quoted(text)
