"""An inferred profile as the text of a YAML file, with comments for the person who goes on from there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from textwrap import wrap

from cache.profile.infer import Inferred, InferredCollection, InferredField, LeftOut
from cache.profile.infer_paths import FORMATS, ending_of

_SHOWN = 3
"""Paths that a comment names one by one."""
_NAMED = 20
"""Of files that are left out."""


def quoted(text: str) -> str:
    """A text in double quotes, the same in YAML and in TOML: nothing in it can end the quotes or the line."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def write_profile(inferred: Inferred) -> str:
    """The text of the profile."""
    return "".join(f"{line}\n" for line in _lines(inferred))


def _lines(inferred: Inferred) -> Iterator[str]:
    yield f"# Made by `forgeglass profile infer` from {_comment(inferred.source)}: a start, to be read and changed."
    yield "# A key of a file that is not declared here is kept as it is. Declare what you want to filter and sort by."
    yield "# Required is what every file has now: a file without it will be a finding. So will be another value than"
    yield "# those of an enum, which lists what is there now; `type: string` takes any."
    yield from _left_out(inferred.left_out)
    yield "format: 1"
    yield f"profile: {_word(inferred.name)}"
    yield f"title: {quoted(inferred.name)}"
    yield ""
    yield "parameters:"
    given = "required: true" if inferred.repository is None else f"default: {quoted(inferred.repository)}"
    yield f"  repository: {{type: repository, {given}, description: The repository that holds the files}}"
    yield ""
    yield "collections:"
    for position, collection in enumerate(inferred.collections):
        yield from [""] if position else []
        yield from _collection(collection)
    yield ""
    yield "views:                            # for SQL: forgeglass query 'SELECT * FROM …'"
    taken: set[str] = set()
    for collection in inferred.collections:
        yield from _view(_view_name(inferred.name, collection, taken), collection)


def _left_out(groups: Sequence[LeftOut]) -> Iterator[str]:
    if groups:
        yield "# Left out:"
    for group in groups:
        yield f"#   {_count(len(group.paths), 'file')} {_comment(group.reason)}:"
        yield from wrap(
            f"{_kinds(group)}.", 112, initial_indent="#     ", subsequent_indent="#     ", break_long_words=False,
            break_on_hyphens=False,
        )  # fmt: skip


def _kinds(group: LeftOut) -> str:
    """The files, by their names, or by their endings where they are of other kinds."""
    if group.reason != "of another kind":
        return _named(group.paths, _NAMED if any(map(ending_of, group.paths)) else 2 * _SHOWN)
    names = (path.rpartition("/")[2] for path in group.paths)
    counts = Counter(f".{name.rpartition('.')[2]}" if "." in name else name for name in names)
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return _named([f"{name} {count}" if count > 1 else name for name, count in ranked], _NAMED)


def _collection(collection: InferredCollection) -> Iterator[str]:
    yield f"  {_word(collection.name)}:"
    told = f"{_count(collection.files, 'file')}"
    if collection.format == "md":
        told += f", {collection.with_data} with front matter"
    yield f"    # {told}."
    if collection.left_out:
        yield f"    # Left out, being about the others: {_named(collection.left_out)}."
    if collection.unreadable:
        yield f"    # Cannot be read, and will be findings: {_named(collection.unreadable)}."
    yield f'    files: {{repository: "{{param.repository}}", path: {quoted(collection.template.source)}}}'
    if len(collection.template.endings) > 1 or collection.template.endings[0] not in FORMATS:
        yield f"    format: {collection.format}"
    yield f"    key: [{', '.join(collection.template.key)}]"
    if collection.format == "md":
        yield "    body: body"
    yield "    unknown_fields: keep          # or: warn, refuse"
    declared = [field for field in collection.fields if field.type is not None]
    if not any(field.name in ("title", "name") for field in declared) and (label := _label(declared)):
        yield f"    label: {label}"
    yield "    fields:" if declared else "    fields: {}"
    for field in collection.fields:
        yield from _field(field, collection)


def _field(field: InferredField, collection: InferredCollection) -> Iterator[str]:
    of = collection.files - len(collection.unreadable)
    if field.type is None or field.name is None:
        why = "is no name that a field can have" if field.name is None else f"is {field.guess.note}"
        yield f"      # {_comment(field.source)} {why}: kept, and not declared"
        return
    parts = [f"type: {field.type}"]
    if field.guess.of is not None:
        parts.append(f"of: {field.guess.of}")
    if field.guess.values:
        parts.append(f"values: [{', '.join(quoted(value) for value, _ in field.guess.values)}]")
    if field.guess.any_form:
        parts.append("forms: any")
    if field.outliers:
        parts.append("on_bad: warn")
    if field.heading:
        parts.append(f"from: [{{heading: h1}}, {quoted(field.source)}]")
    elif field.source != field.name:
        parts.append(f"from: {quoted(field.source)}")
    if field.required:
        parts.append("required: true")
    yield f"      {_word(field.name)}: {{{', '.join(parts)}}}   # {_remark(field, of)}"


def _view_name(profile: str, collection: InferredCollection, taken: set[str]) -> str:
    """The name of a collection's view, which is nobody else's in the same cache."""
    last = collection.name if collection.name != profile else "entries"
    name = "".join(char if char.isalnum() else "_" for char in f"{profile[:20]}_{last}")
    name = name if name[0].isalpha() and not name.startswith("sqlite_") else f"v_{name}"
    while name in taken:
        name += "_2"
    taken.add(name)
    return name


def _view(name: str, collection: InferredCollection) -> Iterator[str]:
    """A view with a column for every capture and declared field."""
    columns = {part: f"key.{part}" for part in collection.template.key if part != "path"}
    for field in collection.fields:
        if field.type is not None and field.name is not None:
            many = field.type in ("list", "object")
            columns[field.name] = f"{{json: {_word(field.name)}}}" if many else _word(field.name)
    own = ("path", "created_at", "updated_at", *(["body"] if collection.format == "md" else []))
    columns |= {word: word for word in own if word not in columns}
    yield f"  {name}:"
    yield f"    from: {_word(collection.name)}"
    yield "    columns:"
    seen: set[str] = set()
    for column, source in columns.items():
        if column.lower() not in seen:  # SQL does not tell Title from title
            yield f"      {_word(column)}: {source}"
        seen.add(column.lower())


def _remark(field: InferredField, of: int) -> str:
    if field.heading:
        return "the heading of level one, else the key"
    told = f"in all {of}" if field.count == of else f"in {field.count} of {of}"
    if field.guess.values:
        counts = ", ".join(f"{quoted(value)} {count}" for value, count in field.guess.values)
        told += f": {counts}"
    for one in field.outliers[:_SHOWN]:
        said = "otherwise" if one.text is None else _comment(quoted(one.text))
        kept = "read all the same" if one.read else "left out"
        told += f"; {_comment(one.path)}:{one.line} says {said}, which is {kept}"
    return told


def _label(declared: Sequence[InferredField]) -> str | None:
    found = next((field for field in declared if field.type == "string" and field.required), None)
    return None if found is None else _word(found.name or "")


def _word(name: str) -> str:
    """A name as it may stand in YAML: without quotes unless that would be a number, true or nothing."""
    plain = name[:1].isalpha() and name.lower() not in ("null", "true", "false")
    return name if plain else quoted(name)


def _named(names: Sequence[str], most: int = _SHOWN) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(_comment(name) for name in names[:most]) + more


def _comment(text: str) -> str:
    """Foreign text in a comment: it must not end the line."""
    shown = text if len(text) <= 80 else text[:80] + "…"
    return shown if shown.isprintable() else quoted(shown)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
