"""From the format's types to the values that everything else works with."""

from __future__ import annotations

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
from cache.profile.format import ActorSpec, CollectionSpec, DocumentSpec, FieldSpec, PullSpec, SelectorSpec, ViewSpec
from cache.profile.nodes import Items, Node, Scalar, Table
from cache.profile.patterns import HeadPattern, PathPattern
from cache.profile.words import FIELD, PARAMETER, VIEW_SOURCES

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


def selector(spec: str | SelectorSpec, parameters: Mapping[str, Any]) -> RepositorySelector:
    """Which repositories."""
    if isinstance(spec, str):
        return RepositorySelector(full_name=fill(spec, parameters))
    name = None if spec.name is None else fill(spec.name, parameters)
    return RepositorySelector(owner=fill(spec.owner, parameters), name=name, topic=spec.topic)


def node_of(value: Any, line: int = 1) -> Node:
    """A value as the tree in which a file would have said it."""
    if isinstance(value, list):
        return Items(tuple(node_of(item, line) for item in value), line)
    if isinstance(value, dict):
        return Table({k: node_of(v, line) for k, v in value.items()}, dict.fromkeys(value, line), line)
    if isinstance(value, str):
        return Scalar(value, False, line)
    return Scalar("null" if value is None else str(value).lower(), True, line)


def field(name: str, spec: FieldSpec) -> Field:
    """A field, its default in canonical form."""
    item: Field | None = None
    if spec.of is not None:
        item = field("", spec.of if isinstance(spec.of, FieldSpec) else FieldSpec(type=spec.of))
    relation = None
    if spec.to is not None:
        targets = (spec.to,) if isinstance(spec.to, str) else tuple(spec.to)
        relation = Relation(targets, spec.on_delete or "restrict")
    built = Field(
        name=name,
        type=spec.type,
        required=spec.required,
        values=tuple(spec.values or ()),
        minimum=spec.minimum,
        maximum=spec.maximum,
        of=item,
        fields=tuple(field(inner, of) for inner, of in (spec.fields or {}).items()),
        from_=spec.from_,
        relation=relation,
    )
    if spec.default is None:
        return built
    default, _ = coerce(built, node_of(spec.default))
    return replace(built, default=default)


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


def collection(block: str, name: str, spec: CollectionSpec, parameters: Mapping[str, Any]) -> Collection:
    """A collection of a checked profile. KeyError: a parameter is not given."""
    fields = tuple(field(key, of) for key, of in spec.fields.items())
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
        pattern=PathPattern.parse(fill(spec.files.path, parameters)),
        body=spec.body,
        unknown_fields=spec.unknown_fields,
        fields=fields,
        title=spec.title or name,
        refused_fields=tuple(spec.refused_fields),
        document=None if document is None else _document(document),
        branches=None if branches is None else BranchesRule(named_field(branches.repository) or ""),
        pulls=tuple(pull_rule(rule, parameters) for rule in spec.pulls),
        actor=tuple(actor_step(step) for step in spec.actor),
        revisions=None if revisions is None else RevisionsRule(revisions.rule, revisions.field),
        indexes=tuple(tuple(index) for index in spec.indexes),
        search=tuple(search),
        label=label,
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
