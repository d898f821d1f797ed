"""The profile format, version 1, as written in YAML. The published JSON Schema is made from these types."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from cache.profile.collection import Format, RevisionRule, Unknown
from cache.profile.fields import FieldType, OnDelete

Text = Annotated[str, Meta(min_length=1)]


class _Spec(Struct, frozen=True, forbid_unknown_fields=True):
    """An unknown key is a mistake: it would be silently without effect."""


class ParameterSpec(_Spec, frozen=True):
    """What a configuration gives to a profile."""

    type: Literal["string", "integer", "boolean", "user", "repository"]
    required: bool = False
    default: str | int | bool | None = None
    description: str = ""


class SelectorSpec(_Spec, frozen=True):
    """Many repositories: those of an owner, narrowed by a glob over their names or by a topic."""

    owner: Text
    name: Text | None = None
    topic: Text | None = None


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
    from_: Annotated[str, Meta(min_length=1, description="Another key of the file, or 'heading'")] | None = (
        msgspec.field(default=None, name="from")
    )
    to: Text | Annotated[list[Text], Meta(min_length=1)] | None = None
    on_delete: OnDelete | None = None
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


class RevisionsSpec(_Spec, frozen=True):
    """How revisions come to be."""

    rule: RevisionRule
    field: Text | None = None


class CollectionSpec(_Spec, frozen=True):
    """A kind of entry."""

    files: FilesSpec
    key: Annotated[list[Text], Meta(min_length=1, description="Captures or fields; 'repository' may stand first")]
    format: Format | None = None
    title: str = ""
    description: str = ""
    body: Text | None = None
    unknown_fields: Unknown = "keep"
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
