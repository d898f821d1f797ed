"""The profile format, version 1, as written in YAML. The published JSON Schema is made from these types."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from cache.profile.collection import Format, Unknown
from cache.profile.fields import Dangling, FieldType, OnBad, OnDelete, Within

Text = Annotated[str, Meta(min_length=1)]


class _Spec(Struct, frozen=True, forbid_unknown_fields=True):
    """An unknown key is a mistake: it would be silently without effect."""


class ParameterSpec(_Spec, frozen=True):
    """What a configuration gives to a profile. A `folder` is a folder's path, which may hold `*` and `**`; an empty
    one is the whole repository.
    """

    type: Literal["string", "integer", "boolean", "user", "repository", "folder"]
    required: bool = False
    default: str | int | bool | None = None
    description: str = ""


class SelectorSpec(_Spec, frozen=True):
    """Which repositories: one, or those of an owner, narrowed by a glob over their names or by a topic.

    What names an optional parameter that a block does not give is left out; one of `repository` and `owner` is left.
    """

    repository: Annotated[str, Meta(min_length=1, description="owner/name or {param.NAME}")] | None = None
    owner: Text | None = None
    name: Annotated[str, Meta(min_length=1, description="A glob over the names of the owner's repositories")] | None = (
        None
    )
    topic: Text | None = None


class SourceSpec(_Spec, frozen=True):
    """Where a value stands: exactly one of `key`, `heading`, `section`, `line` and `capture`; and what of it."""

    key: Annotated[str, Meta(min_length=1, description="A key of the file")] | None = None
    heading: Annotated[
        Literal["first", "h1"], Meta(description="The first heading, or the first of level one")
    ] | None = None  # fmt: skip
    section: Annotated[str, Meta(min_length=1, description="What stands below the heading of this name")] | None = None
    line: Annotated[
        str, Meta(min_length=1, description="A line 'NAME: value' above the second heading, also in a list or table")
    ] | None = None  # fmt: skip
    capture: Annotated[str, Meta(min_length=1, description="A capture of the path")] | None = None
    extract: Annotated[str, Meta(min_length=1, description="An expression; its group is the value")] | None = None


class FilesSpec(_Spec, frozen=True):
    """Where the files of a collection are."""

    repository: Annotated[str, Meta(min_length=1, description="owner/name or {param.NAME}")] | SelectorSpec
    path: Annotated[str, Meta(min_length=1, description="A path with captures, as docs/{slug}.md")]


class FieldSpec(_Spec, frozen=True):
    """One field."""

    type: FieldType
    required: bool = False
    default: Any = None
    values: Annotated[list[Text], Meta(min_length=1)] | None = None
    minimum: float | None = None
    maximum: float | None = None
    of: FieldType | FieldSpec | None = None
    fields: dict[str, FieldSpec] | None = None
    from_: (
        Annotated[str, Meta(min_length=1, description="Another key of the file, or 'heading'")]
        | SourceSpec
        | Annotated[list[Text | SourceSpec], Meta(min_length=1, description="The first that has a value counts")]
        | None
    ) = msgspec.field(default=None, name="from")
    extract: Annotated[
        str, Meta(min_length=1, description="An expression that narrows a text; its group is the value")
    ] | None = None  # fmt: skip
    split: Annotated[
        str, Meta(min_length=1, description="Of a list: an expression where a text is taken apart")
    ] | None = None  # fmt: skip
    case: Annotated[Literal["lower"], Meta(description="Text is kept in small letters")] | None = None
    map: Annotated[
        dict[str, Text], Meta(min_length=1, description="Other spellings of a text, and what is kept for each")
    ] | None = None  # fmt: skip
    to: Text | Annotated[list[Text], Meta(min_length=1)] | None = None
    match: (
        Annotated[str, Meta(min_length=1, description="What of its target a ref names: a field, or 'path'")]
        | Annotated[list[Text], Meta(min_length=1, description="The first by which something is found counts")]
        | None
    ) = None
    within: Annotated[Within, Meta(description="Where 'match' looks: beside the file, or further")] | None = None
    on_delete: OnDelete | None = None
    dangling: Annotated[Dangling, Meta(description="Whether a reference to nothing is a finding")] = "finding"
    on_bad: Annotated[OnBad, Meta(description="What a value costs that does not fit")] | None = None
    forms: Annotated[Literal["any"], Meta(description="Of a date: also other forms than 2026-01-02")] | None = None
    description: str = ""


class DocumentSpec(_Spec, frozen=True):
    """A file of the entry's own repository that speaks for it while its fields have these values."""

    when: dict[str, str | int | bool]
    repository: Annotated[str, Meta(description="{field.NAME}")]
    path: Text


class BranchesSpec(_Spec, frozen=True):
    """Whose branches an entry has."""

    repository: Annotated[str, Meta(description="{field.NAME}")]


class PullSpec(_Spec, frozen=True):
    """A rule for pull requests."""

    repository: Annotated[str, Meta(description="{param.NAME}, {field.NAME} or owner/name")]
    kind: Text
    head: Text | None = None
    forks: bool = False


class ActorSpec(_Spec, frozen=True):
    """A step of actor resolution that needs a name; exactly one key."""

    audit: Text | None = None
    trailer: Text | None = None
    bot: Text | None = None


RULE_OF_REVISIONS = r"^(pull_request|field|\{param\.[A-Za-z_][A-Za-z0-9_]*\})$"


class RevisionsSpec(_Spec, frozen=True):
    """How revisions come to be."""

    rule: Annotated[str, Meta(pattern=RULE_OF_REVISIONS, description="pull_request, field or {param.NAME}")]
    field: Text | None = None


class CollectionSpec(_Spec, frozen=True):
    """A kind of entry."""

    files: FilesSpec
    key: Annotated[
        list[Text],
        Meta(min_length=1, description="Captures or fields; 'repository' may stand first, 'path' last"),
    ]
    format: Format | None = None
    title: str = ""
    description: str = ""
    body: Text | None = None
    unknown_fields: Unknown = "keep"
    lenient: Annotated[
        bool, Meta(description="The files were not written for this profile: what does not fit counts as absent")
    ] = False
    history: (
        Literal["full", "none"]
        | Annotated[int, Meta(ge=1, le=1_000_000, description="So many of the newest changes of each entry")]
    ) = "full"
    refused_fields: list[Text] = []
    fields: dict[str, FieldSpec] = {}
    document: DocumentSpec | None = None
    branches: BranchesSpec | None = None
    pulls: list[PullSpec] = []
    actor: list[Literal["opener", "bot"] | ActorSpec] = []
    revisions: RevisionsSpec | None = None
    indexes: list[Annotated[list[Text], Meta(min_length=1)]] = []
    search: list[Text] | None = None
    label: Text | None = None


class ColumnSpec(_Spec, frozen=True):
    """A column that shows a list or an object as JSON text."""

    json: Text


class ViewSpec(_Spec, frozen=True, kw_only=True):
    """An SQL view: what its rows are, and its columns in their order."""

    from_: Annotated[str, Meta(description="A collection, or branches, pulls, revisions")] = msgspec.field(name="from")
    of: Text | None = None
    columns: Annotated[dict[str, Text | ColumnSpec], Meta(min_length=1)]


class ProfileSpec(_Spec, frozen=True, kw_only=True):
    """A profile."""

    format: Literal[1]
    profile: Text
    title: str = ""
    description: str = ""
    parameters: dict[str, ParameterSpec] = {}
    collections: Annotated[dict[str, CollectionSpec], Meta(min_length=1)]
    views: dict[str, ViewSpec] = {}


def profile_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a profile."""
    schema = msgspec.json.schema(ProfileSpec)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Forgeglass profile, format 1",
        **schema,
    }
