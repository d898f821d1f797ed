"""Mistakes in the fields of a collection, and in what names them."""

from __future__ import annotations

from collections.abc import Iterator

from cache.profile import build
from cache.profile.check_sources import check_sources
from cache.profile.fields import BY_PATH, coerce
from cache.profile.format import CollectionSpec, FieldSpec, ProfileSpec
from cache.profile.words import ENTRY_WORDS, FIELD_NAME, QUERY_WORDS, near

Told = tuple[tuple[str | int, ...], str, str]
_NUMERIC = frozenset({"integer", "number"})
_UNMATCHED = frozenset({"list", "object", "number", "boolean"})
_MEASURED = frozenset({"integer", "number", "string", "text", "list", "url"})


def check_fields(name: str, spec: CollectionSpec, profile: ProfileSpec) -> Iterator[Told]:
    """Every mistake in the fields of one collection."""
    at = ("collections", name)
    for field, of in spec.fields.items():
        place = (*at, "fields", field)
        yield from _name(field, place, spec)
        yield from _field(of, place, profile)
        if spec.lenient and of.required:
            yield place, "wrong-value", "In a lenient collection nothing is required; remove 'required' or 'lenient'."
        if spec.lenient and of.on_bad == "refuse":
            message = "In a lenient collection no value costs the row; write 'on_bad: warn' or 'on_bad: ignore'."
            yield (*place, "on_bad"), "wrong-value", message
    yield from check_sources(spec, at)
    if spec.body is not None:
        if spec.body in spec.fields:
            yield (*at, "body"), "reserved-name", f"{spec.body!r} is a field already; give the body another name."
        elif spec.body != "body":
            yield from _name(spec.body, (*at, "body"), None)
    for path, word in _named(spec):
        if word not in spec.fields and not (word in spec.key and path[0] == "indexes"):
            yield (*at, *path), "unknown-field", f"There is no field {word!r}{near(word, set(spec.fields))}"
    for position, word in enumerate(spec.refused_fields):
        if any(word in build.field(field, of).keys for field, of in spec.fields.items()):
            yield (*at, "refused_fields", position), "wrong-value", f"{word!r} is a field and refused; keep one."


def _named(spec: CollectionSpec) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every place that names a field, and the name."""
    if spec.label:
        yield ("label",), spec.label
    for position, word in enumerate(spec.search or ()):
        if word != spec.body:
            yield ("search", position), word
    for position, index in enumerate(spec.indexes):
        for place, word in enumerate(index):
            yield ("indexes", position, place), word


def _name(field: str, at: tuple[str | int, ...], spec: CollectionSpec | None) -> Iterator[Told]:
    if field in QUERY_WORDS:
        yield at, "reserved-name", f"{field!r} is a word of queries; name the field otherwise and add 'from: {field}'."
    elif field in ENTRY_WORDS or (field == "body" and spec is not None):
        yield at, "reserved-name", f"Every entry carries {field!r} already; name the field otherwise and add 'from'."
    elif not FIELD_NAME.fullmatch(field) or "__" in field:
        yield at, "bad-name", f"{field!r} cannot name a field: letters, digits, single '_'; add 'from' for other keys."


def _field(spec: FieldSpec, at: tuple[str | int, ...], profile: ProfileSpec) -> Iterator[Told]:
    if (spec.type == "enum") != (spec.values is not None):
        missing = spec.values is None
        message = "An enum needs 'values'; add them." if missing else "'values' belongs to an enum; remove it."
        yield at, "wrong-value", message
    if spec.values is not None and len(set(spec.values)) < len(spec.values):
        yield (*at, "values"), "wrong-value", "A value stands twice; remove one."
    if spec.of is not None and spec.type != "list":
        yield (*at, "of"), "wrong-value", "'of' belongs to a list; remove it."
    if spec.fields is not None and spec.type != "object":
        yield (*at, "fields"), "wrong-value", "'fields' belongs to an object; remove it."
    if spec.of in ("list", "enum", "ref"):
        yield (*at, "of"), "wrong-value", f"A list of {spec.of} needs a whole field: of: {{type: {spec.of}, …}}."
    elif isinstance(spec.of, FieldSpec):
        yield from _field(spec.of, (*at, "of"), profile)
        if spec.of.on_bad is not None:
            yield (*at, "of", "on_bad"), "wrong-value", "A bad item is left out alone; put 'on_bad' at the list."
    if spec.forms is not None and spec.type != "date":
        yield (*at, "forms"), "wrong-value", "'forms' belongs to a date; remove it."
    for inner, of in (spec.fields or {}).items():
        if not FIELD_NAME.fullmatch(inner):
            yield (*at, "fields", inner), "bad-name", f"{inner!r} cannot name a field; use letters, digits and '_'."
        yield from _field(of, (*at, "fields", inner), profile)
    yield from _range(spec, at)
    yield from _relation(spec, at, profile)
    if not (spec.type == "enum" and spec.values is None):
        yield from _default(spec, at)


def _range(spec: FieldSpec, at: tuple[str | int, ...]) -> Iterator[Told]:
    for word, value in (("minimum", spec.minimum), ("maximum", spec.maximum)):
        if value is not None and spec.type not in _MEASURED:
            yield (*at, word), "wrong-value", f"A field of type {spec.type} has no {word}; remove it."
    if spec.minimum is not None and spec.maximum is not None and spec.minimum > spec.maximum:
        yield (*at, "maximum"), "wrong-value", "'maximum' is below 'minimum'; no value fits."


def _relation(spec: FieldSpec, at: tuple[str | int, ...], profile: ProfileSpec) -> Iterator[Told]:
    if (spec.type == "ref") != (spec.to is not None):
        message = "A ref needs 'to', a collection; add it." if spec.to is None else "'to' belongs to a ref; remove it."
        yield at, "wrong-value", message
    for word in ("on_delete", "match", "within"):
        if getattr(spec, word) is not None and spec.to is None:
            yield (*at, word), "wrong-value", f"'{word}' belongs to a ref; remove it."
    if spec.within is not None and spec.match is None:
        yield (*at, "within"), "wrong-value", "'within' says where 'match' looks; add 'match', or remove it."
    if spec.dangling != "finding" and spec.type not in ("ref", "repository"):
        yield (*at, "dangling"), "wrong-value", "'dangling' belongs to a ref or a repository; put it there."
    targets = [spec.to] if isinstance(spec.to, str) else spec.to or []
    for target in targets:
        if target not in profile.collections:
            known = set(profile.collections)
            yield (*at, "to"), "unknown-collection", f"There is no collection {target!r}{near(target, known)}"
            continue
        fields = profile.collections[target].fields
        for match in build.matched_by(spec):
            if match == BY_PATH:
                continue
            if match not in fields:
                known = {*fields, BY_PATH}
                yield (*at, "match"), "unknown-field", f"{target!r} has no field {match!r}{near(match, known)}"
            elif fields[match].type in _UNMATCHED:
                yield (*at, "match"), "wrong-type", f"The field {match!r} holds no single text or whole number."


def _default(spec: FieldSpec, at: tuple[str | int, ...]) -> Iterator[Told]:
    if spec.default is None:
        return
    if spec.required:
        yield (*at, "default"), "bad-default", "A required field has no use for a default; keep one."
    textual = spec.type not in _NUMERIC | {"boolean", "list", "object"}
    if textual and not isinstance(spec.default, str):
        yield (*at, "default"), "bad-default", f"The default of a {spec.type} is a text; put it in quotes."
        return
    _, problems = coerce(build.field("default", _without_default(spec)), build.node_of(spec.default))
    for found in problems:
        yield (*at, "default"), "bad-default", found.message


def _without_default(spec: FieldSpec) -> FieldSpec:
    given = {name: getattr(spec, name) for name in FieldSpec.__struct_fields__ if name != "default"}
    return FieldSpec(**given)
