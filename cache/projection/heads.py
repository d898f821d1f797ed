"""What rows need of the heads of pull requests."""

from __future__ import annotations

from collections.abc import Iterator

from cache.model import MERGED, HeadFile, PullHistory, PullRequest, RepositoryEvidence
from cache.projection.reach import Interest
from cache.projection.reading import SUBMODULE, SYMLINK


def wanted_of_heads(evidence: RepositoryEvidence, interest: Interest) -> frozenset[str]:
    """The blobs of files at heads whose bytes rows hold or follow from."""
    return frozenset(
        blob
        for number, history in evidence.histories.items()
        if number in evidence.pulls
        for blob in _wanted(history, evidence.pulls[number], interest)
    )


def _wanted(history: PullHistory, pull: PullRequest, interest: Interest) -> Iterator[str]:
    """Where there are revisions the first that a file was and what was merged; of an open one the newest, and what
    it is compared with."""
    first: set[str] = set()
    newest = max((head.position for head in history.heads if not head.gone), default=None)
    for file in history.files:
        if interest.revisions and (file.position == MERGED or file.path not in first):
            yield from _blob(file)
            if touches(file, pull, interest) and file.position != MERGED:
                first.add(file.path)
        if pull.state == "open" and file.position == newest and file.changed:
            yield from _blob(file)
            if file.before is not None:
                yield file.before


def touches(file: HeadFile, pull: PullRequest, interest: Interest) -> bool:
    """Whether a head touches a file: it differs from its fork point, or is there and named by the branch."""
    return file.changed or (file.blob is not None and interest.named(pull, file.path))


def _blob(file: HeadFile) -> Iterator[str]:
    if file.blob is not None and file.mode not in (SYMLINK, SUBMODULE):
        yield file.blob
