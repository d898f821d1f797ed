"""Mistakes in where fields are read from, and in the expressions that narrow them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cache.profile import build
from cache.profile.expressions import BrokenError, checked
from cache.profile.format import CollectionSpec, FieldSpec, SourceSpec

Told = tuple[tuple[str | int, ...], str, str]
_UNMARKED = "Only 'md' files have a {} to read from; remove it."
_UNTEXTUAL = frozenset({"object", "boolean"})


def check_sources(spec: CollectionSpec, at: tuple[str | int, ...]) -> Iterator[Told]:
    """Every mistake in the sources and expressions of a collection's fields."""
    markdown = build.file_format(spec) == "md"
    yield from _twice(spec.fields, (*at, "fields"))
    for field, of in spec.fields.items():
        place = (*at, "fields", field)
        yield from _expressions(of, place)
        said = of.from_ if isinstance(of.from_, list) else [] if of.from_ is None else [of.from_]
        for position, one in enumerate(said):
            where = (*place, "from", position) if isinstance(of.from_, list) else (*place, "from")
            yield from _source(one, where, markdown=markdown)


def _source(spec: str | SourceSpec, at: tuple[str | int, ...], *, markdown: bool) -> Iterator[Told]:
    if isinstance(spec, str):
        if spec == "heading" and not markdown:
            yield at, "wrong-value", _UNMARKED.format(spec)
        return
    kinds = ("key", "heading", "section", "line", "capture")
    said = [kind for kind in kinds if getattr(spec, kind) is not None]
    if len(said) != 1:
        yield at, "wrong-value", f"A source is exactly one of {', '.join(kinds)}."
    elif said[0] in ("heading", "section", "line") and not markdown:
        yield at, "wrong-value", _UNMARKED.format(said[0])
    if spec.extract is not None:
        yield from _expression(spec.extract, (*at, "extract"))


def _expressions(spec: FieldSpec, at: tuple[str | int, ...]) -> Iterator[Told]:
    if spec.extract is not None:
        yield from _expression(spec.extract, (*at, "extract"))
        if spec.type in _UNTEXTUAL or (spec.type == "list"):
            yield (*at, "extract"), "wrong-value", f"Nothing is extracted for a {spec.type}; give it to 'from' or 'of'."
    if spec.split is not None:
        yield from _expression(spec.split, (*at, "split"))
        if spec.type != "list":
            yield (*at, "split"), "wrong-value", "'split' belongs to a list; remove it."
    for word in ("case", "map"):
        if getattr(spec, word) is not None and spec.type not in ("string", "text", "enum", "user", "ref"):
            yield (*at, word), "wrong-value", f"A {spec.type} is no text: '{word}' is for text; remove it."
    for name, of in (spec.fields or {}).items():
        keyed = of.from_ is None or (isinstance(of.from_, str) and of.from_ != "heading")
        yield from _nested(of, (*at, "fields", name), keyed=keyed)
    if isinstance(spec.of, FieldSpec):
        yield from _nested(spec.of, (*at, "of"), keyed=spec.of.from_ is None)


def _nested(spec: FieldSpec, at: tuple[str | int, ...], *, keyed: bool) -> Iterator[Told]:
    yield from _expressions(spec, at)
    if not keyed:
        yield (*at, "from"), "wrong-value", "Fields within an object are read from its keys, items of a list from it."


def _expression(text: str, at: tuple[str | int, ...]) -> Iterator[Told]:
    try:
        checked(text)
    except BrokenError as error:
        yield at, "bad-expression", f"The expression {text!r} is broken: {error}."


def _twice(fields: Mapping[str, FieldSpec], at: tuple[str | int, ...]) -> Iterator[Told]:
    """Two fields that read one key whole, and first: the second is for nothing. Each may read a part of it."""
    seen: dict[str, str] = {}
    for field, of in fields.items():
        source = build.sources(field, of)[0]
        if source.kind != "key" or source.extract is not None or of.extract is not None:
            continue
        if source.name in seen:
            message = f"{field!r} and {seen[source.name]!r} read the same key {source.name!r}; remove one."
            yield (*at, field), "duplicate-source", message
        seen.setdefault(source.name, field)
