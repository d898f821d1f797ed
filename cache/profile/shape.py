"""A profile's YAML against the JSON Schema of the format: every mistake in words of the profile, with its line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from cache.profile.format import profile_schema
from cache.profile.nodes import Items, Node, Table, plain_value
from cache.profile.rules import shown
from cache.profile.words import near

Found = tuple[int, str, str]
"""Line, rule, message."""

_TYPES = {
    "object": "a mapping", "array": "a list", "string": "a text", "integer": "a whole number", "number": "a number",
    "boolean": "true or false", "null": "nothing",
}  # fmt: skip


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(profile_schema())


def line_of(node: Node, path: Sequence[str | int]) -> int:
    """The line of what stands at a path of keys and positions, or of the nearest thing around it that is there."""
    line = node.line
    for step in path:
        if isinstance(node, Table) and step in node.pairs:
            line, node = node.lines[str(step)], node.pairs[str(step)]
        elif isinstance(node, Items) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            line = node.line
        else:
            break
    return line


def shape_problems(node: Table) -> Iterator[Found]:
    """Everything in which a profile does not have the form of the format."""
    for error in _validator().iter_errors(plain_value(node)):
        yield from _told(error, node)


def _told(error: ValidationError, node: Table) -> Iterator[Found]:
    path = list(error.absolute_path)
    where = ".".join(map(str, path)) or "the profile"
    line = line_of(node, path)
    value: Any = error.instance
    said: Any = error.validator_value
    if error.validator == "anyOf":
        yield from _branches(error, node, line, where)
    elif error.validator == "additionalProperties":
        known = set((error.schema if isinstance(error.schema, dict) else {}).get("properties", ()))
        for key in sorted(set(value) - known):
            message = (
                f"'{where}' has no key {shown(key)}{near(key, known, '; it has ' + ', '.join(sorted(known)) + '.')}"
            )
            yield line_of(node, [*path, key]), "unknown-key", message
    elif error.validator == "required":
        missing = next(key for key in said if f"'{key}' is a required" in error.message)
        yield line, "missing-key", f"'{where}' needs '{missing}'; add it."
    elif error.validator in ("enum", "const"):
        allowed = said if error.validator == "enum" else [said]
        words = [str(word) for word in allowed]
        message = f"'{where}' is {shown(str(value))}; it must be {', '.join(words)}{near(str(value), words)}"
        yield line, "wrong-value", message
    elif error.validator == "pattern":
        expected = (error.schema if isinstance(error.schema, dict) else {}).get("description", "another text")
        yield line, "wrong-value", f"'{where}' is {shown(str(value))}; it must be {expected}."
    elif error.validator == "type":
        yield line, "wrong-type", f"'{where}' must be {_kind(said)}, not {_said(value)}."
    else:
        yield line, "wrong-value", f"'{where}': {error.message[:200]}."


def _branches(error: ValidationError, node: Table, line: int, where: str) -> Iterator[Found]:
    """Of several forms, the one that the writer seems to have meant: the only one whose type is right."""
    forms: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        forms.setdefault(inner.relative_schema_path[0], []).append(inner)
    nested = isinstance(error.instance, (dict, list))
    other = {"type", "enum"} if nested else {"type"}
    meant = [
        errors
        for errors in forms.values()
        if not any(inner.validator in other and not inner.relative_path for inner in errors)
    ]
    if len(meant) == 1:
        for inner in meant[0]:
            yield from _told(inner, node)
        return
    kinds = sorted({_kind(i.validator_value) for errors in forms.values() for i in errors if i.validator == "type"})
    yield line, "wrong-type", f"'{where}' must be {' or '.join(kinds)}, not {_said(error.instance)}."


def _kind(name: Any) -> str:
    return _TYPES.get(str(name), str(name))


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else shown(str(value))
