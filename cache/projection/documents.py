"""An entry's document: a file in the entry's own repository that speaks for it while a condition holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from cache.model import Commit, RepositoryEvidence
from cache.profile.collection import DocumentRule
from cache.projection.findings import Place, finding
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
    rule: DocumentRule, evidence: RepositoryEvidence, place: Place
) -> tuple[Document | None, tuple[FindingRow, ...]]:
    """The newest version of the document that is readable text, and a finding where that is not the newest.

    A document is kept whole, front matter and all: it is not an entry, only text.
    """
    run = trailing(evidence.versions.get(rule.path, ()))
    at = Place(
        repository_id=evidence.repository.id,
        path=rule.path,
        block=place.block,
        collection=place.collection,
        key=place.key,
        commit=place.commit,
    )
    if not run:
        message = f"{evidence.repository.full_name} has no {rule.path} on its default branch; add it, or change the state"
        return None, (finding(at, "missing-document", message),)
    problem: tuple[FindingRow, ...] = ()
    for version in reversed(run):
        blob = evidence.blobs.get(version.blob or "")
        text, wrong = _text(blob.content if blob else None, version.mode)
        if text is not None and blob is not None:
            commit = evidence.commits[version.commit]
            return Document(evidence.repository.id, rule.path, text, blob.id, commit), problem
        if version is run[-1]:
            since = Place(**{**_values(at), "commit": evidence.commits.get(version.commit)})
            problem = (finding(since, *wrong),)
    return None, problem


def _text(content: bytes | None, mode: str) -> tuple[str | None, tuple[str, str]]:
    if mode in (SYMLINK, SUBMODULE):
        return None, ("symlink" if mode == SYMLINK else "submodule", "the document is not a file; put the text itself there")
    if content is None:
        return None, ("too-large", "the document is too large to be read, or the forge does not give it")
    try:
        return content.decode("utf-8-sig"), ("", "")
    except UnicodeDecodeError as error:
        return None, ("not-utf8", f"the document is not UTF-8 (byte {error.start}); save it as UTF-8")


def _values(place: Place) -> dict[str, Any]:
    return {name: getattr(place, name) for name in Place.__struct_fields__}


def wanted_blobs(rule_path: str, evidence: RepositoryEvidence) -> str | None:
    """The next blob to load before the document can be read; None when everything needed is there."""
    for version in reversed(trailing(evidence.versions.get(rule_path, ()))):
        if version.blob is None or version.mode in (SYMLINK, SUBMODULE):
            continue
        if version.blob not in evidence.blobs:
            return version.blob
        if _text(evidence.blobs[version.blob].content, version.mode)[0] is not None:
            return None
    return None
