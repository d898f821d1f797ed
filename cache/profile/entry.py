"""From the bytes of one file to records. Never raises, whatever the bytes are: what is wrong becomes problems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from cache.frontmatter import decode, is_pointer, odd, split
from cache.profile.collection import Collection, Format
from cache.profile.expressions import one_file
from cache.profile.fields import Coerced, Field, blank, coerce, coerce_all, unfit_line
from cache.profile.headings import Outline
from cache.profile.jsontext import read_json
from cache.profile.lines import MARK
from cache.profile.nodes import NodeError, Scalar, Table, plain_value, read_yaml
from cache.profile.record import Record, fewer
from cache.profile.rules import Problem, Severity, problem, shown
from cache.profile.sources import standing
from cache.profile.spots import Spot, spots

__all__ = ["MAX_BAD_LINES", "MAX_FILE", "Problem", "Record", "parse_file"]

MAX_FILE = 1024 * 1024
MAX_KEY_PART = 255
MAX_PROBLEMS = 50
"""Problems of one record that are told one by one."""
MAX_LINES = 10_000
"""Lines of one file: as many take 0.5 s, and a megabyte of `{` would take 9 s."""
MAX_BAD_LINES = 100
"""Bad lines of one file that are told one by one; the rest are counted."""

_NOT_MAPPING = "{} must hold 'name: value' pairs at its top, not a list or a single value."


def parse_file(
    collection: Collection, path: str, content: bytes | None, captures: Mapping[str, str]
) -> tuple[Record, ...]:
    """The records of a file: one for `md`, `yaml` and `json`; one a line for `jsonl`, where a bad line harms no other.

    `captures` is what the collection's pattern captures of `path`. `content` is None where it could not be had.
    """
    if "path" in collection.key:
        captures = {**captures, "path": path}
    if content is None:
        why = "larger than forge.max_file_size, or the forge does not give it"
        message = f"The content of {shown(path)} is not at hand: {why}."
        return (_failed(collection, captures, problem("unreadable-object", message)),)
    if len(content) > MAX_FILE:
        message = f"The file has {len(content):,} bytes; {MAX_FILE:,} are the most."
        return (_failed(collection, captures, problem("too-large", message)),)
    try:
        with one_file():
            if collection.format == "jsonl":
                return tuple(_lines(collection, content, captures))
            return (_single(collection, path, content, captures),)
    except NodeError as error:
        return (_failed(collection, captures, error.problem),)


def _single(collection: Collection, path: str, content: bytes, captures: Mapping[str, str]) -> Record:
    if collection.format == "md":
        return _markdown(collection, path, content, captures)
    text = _whole(content, collection.format)
    node = read_json(text) if collection.format == "json" else read_yaml(text)
    if node is None:
        node = Table({}, {}, 1)
    if not isinstance(node, Table):
        message = _NOT_MAPPING.format("The file")
        raise NodeError(problem("front-matter-not-mapping", message, line=node.line))
    return _record(collection, node, captures, 1, None, Outline(""))


def _whole(content: bytes, form: Format) -> str:
    """The text of a file that is all data. NodeError: it is none, begins oddly, or its lines end in CR alone."""
    text = decode(content)
    for found in odd(text, len(text) if form == "yaml" else None):
        raise NodeError(found)
    return text


def _markdown(collection: Collection, path: str, content: bytes, captures: Mapping[str, str]) -> Record:
    parts = split(content, lenient=collection.lenient)
    unread = {"not-utf8", "bad-text", "lfs-pointer"} & {found.rule for found in parts.problems}
    if parts.problems and (unread or not collection.lenient):
        return _failed(collection, captures, *parts.problems)
    body = parts.body if collection.body is not None else None
    outline = Outline(parts.body, parts.body_line, path)
    record = _record(collection, parts.data or Table({}, {}, 1), captures, 1, body, outline)
    if parts.problems:
        told = tuple(replace(found, severity="warning") for found in parts.problems)
        return replace(record, problems=(*told, *record.problems))
    missing = [found for found in record.problems if found.rule == "missing-field"]
    if parts.data is not None or not missing:
        return record
    names = ", ".join(str(found.field) for found in missing)
    message = f"The file has no front matter; begin it with '---', the fields {names}, and '---' again."
    others = tuple(found for found in record.problems if found.rule != "missing-field")
    problems = (problem("missing-front-matter", message, line=1), *others)
    return replace(record, valid=False, problems=problems)


def _lines(collection: Collection, content: bytes, captures: Mapping[str, str]) -> list[Record]:
    """NodeError: it is no file of lines, or one of too many."""
    if is_pointer(content):
        decode(content)
    content = content.removeprefix(MARK.encode())
    for found in odd(content.decode("utf-8", "replace")):
        raise NodeError(found)
    numbered = [(number, line) for number, line in enumerate(content.split(b"\n"), 1) if line.strip()]
    if len(numbered) > MAX_LINES:
        message = f"The file has {len(numbered):,} lines; {MAX_LINES:,} are the most."
        raise NodeError(problem("too-many-lines", message))
    records: list[Record] = []
    bad: list[Record] = []
    for number, line in numbered:
        record = _line(collection, line, number, captures)
        if not record.valid:
            bad.append(record)
        if record.valid or len(bad) <= MAX_BAD_LINES:
            records.append(record)
    records = fewer(records)
    if more := bad[MAX_BAD_LINES:]:
        message = f"{len(more)} more lines, from here on, cannot be read."
        found = problem("bad-line", message, line=more[0].line)
        records.append(_failed(collection, {}, found, line=more[0].line))
    return records


def _line(collection: Collection, line: bytes, number: int, captures: Mapping[str, str]) -> Record:
    try:
        # a megabyte of rubbish has half a million lines: they are not worth a parser's exception each
        node = read_json(decode(line), number) if line.lstrip().startswith(b"{") else None
        if not isinstance(node, Table):
            raise NodeError(problem("bad-line", "The line must be a JSON object.", line=number))
    except NodeError as error:
        rule = "bad-line" if error.problem.rule == "bad-json" else error.problem.rule
        return _failed(collection, {}, problem(rule, error.problem.message, line=number), line=number)
    return _record(collection, node, captures, number, None, Outline(""))


def _failed(collection: Collection, captures: Mapping[str, str], *problems: Problem, line: int = 1) -> Record:
    known = all(part in captures for part in collection.key)
    key = tuple(captures[part] for part in collection.key) if known else None
    return Record(key, {}, None, line, False, problems)


def _record(
    collection: Collection, table: Table, captures: Mapping[str, str], line: int, body: str | None, outline: Outline
) -> Record:
    """`outline` is of the file's body even where the collection does not keep it: fields may stand there."""
    if bad := unfit_line(table):
        found = problem("bad-text", "The file holds a NUL or half a surrogate pair; remove it.", line=bad)
        return _failed(collection, captures, found, line=line)
    key, problems = _key(collection, table, captures)
    if not collection.lenient:
        problems += _captured(table, captures)
    places: dict[str, tuple[Spot, ...]] = {}
    fields, found_problems = coerce_all(
        collection.fields, table, read=lambda field: _value(collection, field, table, outline, captures, places)
    )
    problems += found_problems
    extra = _unknown(collection, table, captures, problems)
    valid = all(found.severity != "error" for found in problems)
    return Record(key, fields, body, line, valid, _first(problems, line), extra, places)


def _first(problems: list[Problem], line: int) -> tuple[Problem, ...]:
    if len(problems) <= MAX_PROBLEMS:
        return tuple(problems)
    message = f"{len(problems) - MAX_PROBLEMS} more problems are not shown."
    return (*problems[:MAX_PROBLEMS], problem("too-many-problems", message, line=line))


def _value(
    collection: Collection,
    field: Field,
    table: Table,
    outline: Outline,
    captures: Mapping[str, str],
    places: dict[str, tuple[Spot, ...]],
) -> Coerced:
    """What the first of a field's sources says that says anything; a capture of its name comes last. Where a
    reference stands goes into `places`.

    In a lenient collection a source whose text is not of the field's type says nothing, and neither do the bad parts
    of a list. Problems are those of the source that speaks, else of the first that tried to.
    """
    last: Any = None
    wrong: tuple[Problem, ...] = ()
    for source in field.sources:
        node = standing(source, table, outline, captures, many=field.type == "list", plain=field.plain)
        if node is None:
            continue
        value, found = coerce(field, node, source.name or field.name)
        if where := spots(field, node):
            places[field.name] = where
        if found and not collection.lenient:
            return value, found
        if not blank(value) and value not in ([], {}):
            return value, found
        last = value if last is None else last
        wrong = wrong or found
    if last is None and field.name in captures:
        value, found = coerce(field, Scalar(captures[field.name], field.plain, 1))
        return value, wrong if value is None and wrong else found
    return last, wrong


def _key(
    collection: Collection, table: Table, captures: Mapping[str, str]
) -> tuple[tuple[str, ...] | None, list[Problem]]:
    parts: list[str] = []
    problems: list[Problem] = []
    for name in collection.key:
        if name in captures:
            parts.append(captures[name])
            continue
        source = next((field.source for field in collection.fields if field.name == name), name)
        node = table.pairs.get(source)
        line = table.lines.get(source, table.line)
        if node is None or (isinstance(node, Scalar) and node.null):
            rule = "bad-line" if collection.format == "jsonl" else "missing-field"
            problems.append(problem(rule, f"'{source}' is the key and is missing; add it.", line=line, field=source))
        elif not isinstance(node, Scalar) or not _usable(node.text):
            message = f"'{source}' is the key: 1 to {MAX_KEY_PART} characters, without '/' and control characters."
            problems.append(problem("bad-key", message, line=line, field=source))
        else:
            parts.append(node.text)
    return (None if problems else tuple(parts)), problems


def _usable(text: str) -> bool:
    return 0 < len(text) <= MAX_KEY_PART and "/" not in text and text not in (".", "..") and text.isprintable()


def _captured(table: Table, captures: Mapping[str, str]) -> list[Problem]:
    """What the path says the file may repeat and must not contradict: else one file would be two entries."""
    problems = []
    for name, text in captures.items():
        node = table.pairs.get(name)
        if node is None or (isinstance(node, Scalar) and (node.null or node.text == text)):
            continue
        said = shown(node.text) if isinstance(node, Scalar) else "no single value"
        message = f"'{name}' is {said}, and the path says {shown(text)}; rename the file or remove the field."
        problems.append(problem("key-mismatch", message, line=table.lines[name], field=name))
    return problems


def _unknown(
    collection: Collection, table: Table, captures: Mapping[str, str], problems: list[Problem]
) -> dict[str, Any]:
    known = {key for field in collection.fields for key in field.keys} | set(collection.key) - {"path"}
    if not collection.lenient:
        known |= set(captures) - {"path"}
    extra: dict[str, Any] = {}
    for name, line in table.lines.items():
        if name in collection.refused_fields:
            # the value is a secret: it goes nowhere
            message = f"{shown(name)} must not be kept in Git; remove it, and renew the secret."
            problems.append(problem("refused-field", message, line=line, field=name))
            continue
        if name in known:
            continue
        if collection.unknown_fields != "keep":
            message = f"The profile knows no field {shown(name)}; correct its name or remove it."
            severity: Severity = "error" if collection.unknown_fields == "refuse" else "warning"
            problems.append(problem("unknown-field", message, line=line, field=name, severity=severity))
        if collection.unknown_fields != "refuse":
            extra[name] = plain_value(table.pairs[name])
    return extra
