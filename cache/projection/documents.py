"""An entry's document: a file in the entry's own repository that speaks for it while a condition holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from cache.frontmatter import decode
from cache.model import Blob, Commit, RepositoryEvidence
from cache.profile.collection import DocumentRule
from cache.profile.nodes import NodeError
from cache.profile.rules import Problem, problem
from cache.projection.findings import Place, finding
from cache.projection.inputs import Evidence
from cache.projection.reading import SUBMODULE, SYMLINK, trailing
from cache.rows import FindingRow


class Document(Struct, frozen=True):
    """The text of a document, and the commit that last changed it."""

    repository_id: int
    path: str
    body: str
    sha: str
    commit: Commit


def applies(rule: DocumentRule, fields: Mapping[str, Any]) -> bool:
    """Whether an entry with these fields has a document."""
    return all(fields.get(name) == value for name, value in rule.when.items())


def read_document(
    rule: DocumentRule, evidence: Evidence, place: Place
) -> tuple[Document | None, tuple[FindingRow, ...]]:
    """The newest version of the document that is readable text, and a finding where that is not the newest.

    A document is kept whole, front matter and all: it is not an entry, only text.
    """
    versions = evidence.versions.get(rule.path, ())
    at = replace(place, repository_id=evidence.repository.id, path=rule.path)
    run = trailing(versions)
    if not run:
        removed = evidence.commits[versions[-1].commit] if versions else None
        if removed is not None and (place.commit is None or removed.committed_at > place.commit.committed_at):
            at = replace(at, commit=removed)
        name = evidence.repository.full_name
        message = f"{name} has no {rule.path} on its default branch; add it, or correct the entry"
        return None, (finding(at, "missing-document", message),)
    wrong: tuple[FindingRow, ...] = ()
    for version in reversed(run):
        blob = evidence.blobs.get(version.blob or "")
        text = _text(blob.content if blob else None, version.mode)
        if isinstance(text, str):
            commit = evidence.commits[version.commit]
            return Document(evidence.repository.id, rule.path, text, version.blob or "", commit), wrong
        if version is run[-1]:
            since = replace(at, commit=evidence.commits[version.commit])
            wrong = (finding(since, text.rule, text.message, line=text.line),)
    return None, wrong


def document_text(blobs: Mapping[str, Blob], blob: str | None, mode: str) -> tuple[str | None, Problem | None]:
    """The text of a document at one version, or what is wrong with it; neither where it is not there."""
    if blob is None:
        return None, None
    held = blobs.get(blob)
    text = _text(held.content if held is not None else None, mode)
    return (text, None) if isinstance(text, str) else (None, text)


def _text(content: bytes | None, mode: str) -> str | Problem:
    if mode in (SYMLINK, SUBMODULE):
        rule = "symlink" if mode == SYMLINK else "submodule"
        return problem(rule, "The document is not a file; put the text itself there.")
    if content is None:
        return problem("unreadable-object", "The document is not at hand: too large, or the forge does not give it.")
    try:
        return decode(content)
    except NodeError as error:
        return error.problem


def wanted_blobs(rule_path: str, evidence: RepositoryEvidence) -> str | None:
    """The next blob to load before the document can be read; None when everything needed is there."""
    for version in reversed(trailing(evidence.versions.get(rule_path, ()))):
        if version.blob is None or version.mode in (SYMLINK, SUBMODULE):
            continue
        if version.blob not in evidence.blobs:
            return version.blob
        if isinstance(_text(evidence.blobs[version.blob].content, version.mode), str):
            return None
    return None
