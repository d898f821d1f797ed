"""A profile as a person reads it: what is kept, where it is found, what can be asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from cache.profile.format import CollectionSpec, FieldSpec, ProfileSpec, SelectorSpec


def tell_profile(spec: ProfileSpec, file: str) -> str:
    """The whole text."""
    return "".join(f"{line}\n" for line in _lines(spec, file))


def as_written(value: object) -> Any:
    """A part of a profile as plain values, without what is left out or stands at its default."""
    if isinstance(value, msgspec.Struct):
        shown = {}
        for field in msgspec.structs.fields(value):
            part = getattr(value, field.name)
            fallback = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
            if part != fallback:
                shown[field.encode_name] = as_written(part)
        return shown
    if isinstance(value, Mapping):
        return {key: as_written(part) for key, part in value.items()}
    return [as_written(part) for part in value] if isinstance(value, (list, tuple)) else value


def _lines(spec: ProfileSpec, file: str) -> Iterator[str]:
    yield f"{spec.profile}: {spec.title or spec.profile}"
    yield file
    if spec.description:
        yield from ["", spec.description.strip()]
    if spec.parameters:
        yield from ["", "Parameters (written in the block that uses the profile)"]
        rows = []
        for name, parameter in spec.parameters.items():
            told = f"{parameter.type}, required" if parameter.required else parameter.type
            if parameter.default not in (None, ""):
                told += f", {_short(parameter.default)} unless given"
            rows.append((name, told, parameter.description))
        yield from _table(rows)
    for name, collection in spec.collections.items():
        yield from ["", *_collection(name, collection)]
    for name, view in spec.views.items():
        of = f" of {view.of}" if view.of else ""
        yield from ["", f"SQL view {name}: {view.from_}{of}", f"  {', '.join(view.columns)}"]


def _collection(name: str, spec: CollectionSpec) -> Iterator[str]:
    title = f" ({spec.title})" if spec.title and spec.title != name else ""
    yield f"Collection {name}{title}"
    yield f"  files  {_selector(spec.files.repository)}"
    yield f"         {_short(spec.files.path)}"
    yield f"  key    {', '.join(spec.key)}"
    if spec.body:
        yield f"  body   {spec.body}"
    yield f"  other keys of a file: {spec.unknown_fields}"
    yield from _table([(field, _field(of), of.description) for field, of in spec.fields.items()], "  ")
    rest = as_written(spec)
    for key in ("document", "branches", "pulls", "actor", "revisions"):
        if key in rest:
            for line in rest[key] if isinstance(rest[key], list) else [rest[key]]:
                yield f"  {key}: {_plain(line)}"


def _selector(spec: str | SelectorSpec) -> str:
    return spec if isinstance(spec, str) else _plain(as_written(spec))


def _field(spec: FieldSpec) -> str:
    """A field in words. Expressions are left out: who wants them reads the file."""
    said = as_written(spec)
    told = f"{spec.type} of {_inner(said['of'])}" if "of" in said else spec.type
    told += f" ({', '.join(spec.values)})" if spec.values else ""
    told += ", required" if spec.required else ""
    told += f", to {_plain(said['to'])}" if "to" in said else ""
    for bound, word in ((spec.minimum, "at least"), (spec.maximum, "at most")):
        told += "" if bound is None else f", {word} {bound:g}"
    told += "" if spec.default in (None, [], "") else f", {_plain(spec.default)} unless given"
    return told + (f", from {_sources(said['from'])}" if "from" in said else "")


def _inner(of: Any) -> str:
    """What a list holds."""
    if not isinstance(of, dict):
        return str(of)
    return f"{of.get('type', '')} to {_plain(of['to'])}" if "to" in of else str(of.get("type", ""))


def _sources(value: Any) -> str:
    """Where a value may stand, the first place first; one place is told once."""
    places = [
        place if isinstance(place, str) else _plain({key: part for key, part in place.items() if key != "extract"})
        for place in (value if isinstance(value, list) else [value])
    ]
    return ", ".join(dict.fromkeys(place.replace("heading first", "heading").removeprefix("key ") for place in places))


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return _short(value)


def _short(value: object, most: int = 100) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _table(rows: list[tuple[str, str, str]], indent: str = "") -> Iterator[str]:
    width = max((len(name) for name, _, _ in rows), default=0)
    for name, told, description in rows:
        yield f"{indent}  {name:<{width}}  {told}{f': {description}' if description else ''}"
