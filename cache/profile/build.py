"""From the format's types to the values that everything else works with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from cache.profile.collection import (
    ActorStep,
    BranchesRule,
    Collection,
    DocumentRule,
    Format,
    PullRule,
    RepositorySelector,
    RevisionsRule,
    ViewColumn,
    ViewRule,
)
from cache.profile.fields import Field, Relation, coerce
from cache.profile.format import (
    ActorSpec,
    CollectionSpec,
    DocumentSpec,
    FieldSpec,
    PullSpec,
    RevisionsSpec,
    SelectorSpec,
    SourceSpec,
    ViewSpec,
)
from cache.profile.nodes import Items, Node, Scalar, Table
from cache.profile.patterns import HeadPattern, PathPattern
from cache.profile.sources import Source
from cache.profile.words import FIELD, PARAMETER, VIEW_SOURCES

_IN_PATH = re.compile(rf"{PARAMETER.pattern}(/?)")
_SUFFIXES: dict[str, Format] = {".md": "md", ".markdown": "md", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}


def fill(text: str, parameters: Mapping[str, Any]) -> str:
    """Put parameters in the place of `{param.NAME}`. KeyError: one is not given."""
    return PARAMETER.sub(lambda found: str(parameters[found[1]]), text)


def file_format(spec: CollectionSpec) -> Format:
    """The format that a collection says, else the one of its path's ending, else `md`."""
    if spec.format is not None:
        return spec.format
    if spec.files.path.endswith(".jsonl"):
        return "jsonl"
    return next((form for suffix, form in _SUFFIXES.items() if spec.files.path.endswith(suffix)), "md")


def fill_path(text: str, parameters: Mapping[str, Any]) -> str:
    """Like `fill`; a parameter that is an empty text takes the slash behind it along."""
    return _IN_PATH.sub(lambda found: f"{parameters[found[1]]}{found[2]}" if parameters[found[1]] != "" else "", text)


class SelectionError(ValueError):
    """What a block gives does not say which repositories, or which rule; the message says why."""


def selector(spec: str | SelectorSpec, parameters: Mapping[str, Any]) -> RepositorySelector:
    """Which repositories. SelectionError: of `repository` and `owner` not exactly one is given, or one repository is
    to be narrowed. KeyError: a parameter is not given.
    """
    if isinstance(spec, str):
        return RepositorySelector(full_name=fill(spec, parameters))
    said = {part: text for part in ("repository", "owner", "name", "topic") if (text := getattr(spec, part))}
    given = {part: fill(text, parameters) for part, text in said.items() if _is_given(text, parameters)}
    if ("repository" in given) == ("owner" in given):
        ways = " or ".join(_words(said[part]) for part in ("repository", "owner") if part in said)
        many = "only one of them" if "owner" in given else "one of them"
        raise SelectionError(f"which repositories hold its files? Give the block {many}: {ways}")
    if "repository" in given and len(given) > 1:
        extra = " and ".join(_words(said[part]) for part in given if part != "repository")
        raise SelectionError(f"{extra} narrows an owner, and the block gives one repository; remove one of the two")
    return RepositorySelector(
        full_name=given.get("repository"), owner=given.get("owner"), name=given.get("name"), topic=given.get("topic")
    )


def _is_given(text: str, parameters: Mapping[str, Any]) -> bool:
    return all(found[1] in parameters for found in PARAMETER.finditer(text))


def _words(text: str) -> str:
    """The parameters that a text names, or the text itself."""
    return " and ".join(repr(found[1]) for found in PARAMETER.finditer(text)) or repr(text)


def node_of(value: Any, line: int = 1) -> Node:
    """A value as the tree in which a file would have said it."""
    if isinstance(value, list):
        return Items(tuple(node_of(item, line) for item in value), line)
    if isinstance(value, dict):
        return Table({k: node_of(v, line) for k, v in value.items()}, dict.fromkeys(value, line), line)
    if isinstance(value, str):
        return Scalar(value, False, line)
    return Scalar("null" if value is None else str(value).lower(), True, line)


def field(name: str, spec: FieldSpec, *, lenient: bool = False) -> Field:
    """A field, its default in canonical form; `lenient` where its files were not written for the profile."""
    item: Field | None = None
    if spec.of is not None:
        item = field("", spec.of if isinstance(spec.of, FieldSpec) else FieldSpec(type=spec.of), lenient=lenient)
    relation = None
    if spec.to is not None:
        targets = (spec.to,) if isinstance(spec.to, str) else tuple(spec.to)
        relation = Relation(targets, spec.on_delete or "restrict", matched_by(spec), spec.within or "block")
    built = Field(
        name=name,
        type=spec.type,
        required=spec.required,
        values=tuple(spec.values or ()),
        minimum=spec.minimum,
        maximum=spec.maximum,
        of=item,
        fields=tuple(field(inner, of, lenient=lenient) for inner, of in (spec.fields or {}).items()),
        sources=sources(name, spec),
        relation=relation,
        extract=spec.extract,
        split=spec.split,
        lower=spec.case == "lower",
        map=tuple(sorted((spec.map or {}).items())),
        dangling=spec.dangling,
        on_bad=spec.on_bad or ("ignore" if lenient else "refuse"),
        any_form=spec.type == "date" and (lenient or spec.forms == "any"),
    )
    if spec.default is None:
        return built
    default, _ = coerce(built, node_of(spec.default))
    return replace(built, default=default)


def matched_by(spec: FieldSpec) -> tuple[str, ...]:
    """By what a ref names its target, in order; nothing where it is by the target's key."""
    return (spec.match,) if isinstance(spec.match, str) else tuple(spec.match or ())


def sources(name: str, spec: FieldSpec) -> tuple[Source, ...]:
    """Where a field may stand. Where `from` names no key the field's own name comes first."""
    said = spec.from_ if isinstance(spec.from_, list) else [] if spec.from_ is None else [spec.from_]
    found = tuple(_source(one) for one in said)
    return found if any(one.kind == "key" for one in found) else (Source("key", name), *found)


def _source(spec: str | SourceSpec) -> Source:
    if isinstance(spec, str):
        return Source("heading") if spec == "heading" else Source("key", spec)
    if spec.heading is not None:
        return Source("heading", "h1" if spec.heading == "h1" else "", spec.extract)
    if spec.section is not None:
        return Source("section", spec.section, spec.extract)
    if spec.line is not None:
        return Source("line", spec.line, spec.extract)
    if spec.capture is not None:
        return Source("capture", spec.capture, spec.extract)
    return Source("key", spec.key or "", spec.extract)


def named_field(text: str) -> str | None:
    """The field in `{field.NAME}`, None for anything else."""
    found = FIELD.fullmatch(text)
    return found[1] if found else None


def _document(spec: DocumentSpec) -> DocumentRule:
    return DocumentRule(spec.when, named_field(spec.repository) or "", spec.path)


def pull_rule(spec: PullSpec, parameters: Mapping[str, Any]) -> PullRule:
    """A rule for pull requests."""
    name = named_field(spec.repository)
    return PullRule(
        kind=spec.kind,
        repository=None if name else fill(spec.repository, parameters),
        field=name,
        head=None if spec.head is None else HeadPattern.parse(fill(spec.head, parameters)),
        forks=spec.forks,
    )


def actor_step(spec: str | ActorSpec) -> ActorStep:
    """A step of actor resolution."""
    if not isinstance(spec, ActorSpec):
        return ActorStep("opener") if spec == "opener" else ActorStep("bot", name="bot")
    if spec.audit is not None:
        return ActorStep("audit", collection=spec.audit)
    if spec.trailer is not None:
        return ActorStep("trailer", name=spec.trailer)
    return ActorStep("bot", name=spec.bot)


def revisions_rule(spec: RevisionsSpec, parameters: Mapping[str, Any]) -> RevisionsRule:
    """How revisions come to be. SelectionError: a parameter gives no such rule. KeyError: it is not given."""
    match fill(spec.rule, parameters):
        case "field":
            return RevisionsRule("field", spec.field)
        case "pull_request":
            return RevisionsRule("pull_request")
        case other:
            raise SelectionError(f"{other!r} is no rule of revisions; write pull_request or field")


def collection(block: str, name: str, spec: CollectionSpec, parameters: Mapping[str, Any]) -> Collection:
    """A collection of a checked profile. KeyError: a parameter is not given."""
    fields = tuple(field(key, of, lenient=spec.lenient) for key, of in spec.fields.items())
    names = [of.name for of in fields]
    label = spec.label or next((word for word in ("title", "name") if word in names), "")
    search = spec.search if spec.search is not None else [label] * bool(label) + [spec.body or ""] * bool(spec.body)
    document, branches, revisions = spec.document, spec.branches, spec.revisions
    return Collection(
        block=block,
        name=name,
        key=tuple(part for part in spec.key if part != "repository"),
        key_has_repository=spec.key[0] == "repository",
        format=file_format(spec),
        repository=selector(spec.files.repository, parameters),
        pattern=PathPattern.parse(fill_path(spec.files.path, parameters)),
        body=spec.body,
        unknown_fields=spec.unknown_fields,
        fields=fields,
        title=spec.title or name,
        refused_fields=tuple(spec.refused_fields),
        document=None if document is None else _document(document),
        branches=None if branches is None else BranchesRule(named_field(branches.repository) or ""),
        pulls=tuple(pull_rule(rule, parameters) for rule in spec.pulls),
        actor=tuple(actor_step(step) for step in spec.actor),
        revisions=None if revisions is None else revisions_rule(revisions, parameters),
        indexes=tuple(tuple(index) for index in spec.indexes),
        search=tuple(search),
        label=label,
        lenient=spec.lenient,
        history={"full": None, "none": 0}[spec.history] if isinstance(spec.history, str) else spec.history,
    )


def view_collection(spec: ViewSpec, collections: Mapping[str, CollectionSpec]) -> str | None:
    """The collection that a view is about; None where `of` is needed and missing."""
    if spec.from_ not in VIEW_SOURCES or (spec.from_ in collections and spec.of is None):
        return spec.from_
    if spec.of is not None:
        return spec.of
    having = {"branches": "branches", "pulls": "pulls", "revisions": "revisions"}[spec.from_]
    owners = [name for name, of in collections.items() if getattr(of, having)]
    return owners[0] if len(owners) == 1 else None


def view(name: str, spec: ViewSpec, collections: Mapping[str, CollectionSpec]) -> ViewRule:
    """A view of a checked profile."""
    of = view_collection(spec, collections) or ""
    rows = spec.from_ if spec.from_ in VIEW_SOURCES and of != spec.from_ else "entries"
    columns = []
    for column, said in spec.columns.items():
        text = said if isinstance(said, str) else said.json
        columns.append(ViewColumn(column, column_source(text, rows, collections[of]), not isinstance(said, str)))
    return ViewRule(name, rows, of, tuple(columns))  # type: ignore[arg-type]  # one of the four, by the line above


def column_source(text: str, rows: str, spec: CollectionSpec) -> str:
    """A column's source in full: a bare name of an entry's field becomes `field.NAME`, of its body `body`."""
    if rows == "entries" and spec.body is not None and text in (spec.body, f"field.{spec.body}"):
        return "body"
    return f"field.{text}" if rows == "entries" and text in spec.fields else text
