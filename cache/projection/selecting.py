"""Which files of a repository are read where it holds more than may be: those that came first, whatever is read when.

A later push takes nothing from what was there before it: files are taken in the order in which they came into being,
and what finds no room any more is left out. Live and rebuilt choose the same, since the order is Git's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from cache.model import ContentProblem, FileVersion
from cache.profile.rules import cut
from cache.projection.findings import Place, finding
from cache.projection.inputs import Evidence
from cache.projection.names import shown_path
from cache.projection.reading import trailing
from cache.rows import FindingRow

RULE = "repository-limit"


class Amounts(Struct, frozen=True):
    """How much of one repository is read: files that are there, and bytes of their newest versions, all together."""

    files: int = 50_000
    text: int = 256_000_000


USUAL = Amounts()
"""Where nobody says otherwise."""


def too_much(
    versions: Mapping[str, Sequence[FileVersion]], sizes: Mapping[str, int], most: Amounts, longest: int
) -> Iterator[ContentProblem]:
    """The files that find no room, each with the limit that it goes over.

    `sizes` are those of blobs, in bytes; one longer than `longest` is not read anyway, and takes no room.
    """
    if len(versions) <= most.files and sum(min(size, longest) for size in sizes.values()) <= most.text:
        return
    lives = {path: run for path, of_path in versions.items() if (run := trailing(of_path))}
    files, text = 0, 0
    for path in sorted(lives, key=lambda path: (lives[path][0].position, path)):
        size = sizes.get(lives[path][-1].blob or "", 0)
        size = size if size <= longest else 0
        if files >= most.files or text + size > most.text:
            limit = f"limits.repository_{'files' if files >= most.files else 'text'}"
            yield ContentProblem(RULE, path, f"{limit} is reached; raise it, or keep fewer or smaller files")
            continue
        files, text = files + 1, text + size


def left_out(evidence: Evidence) -> frozenset[str]:
    """The files that found no room."""
    return frozenset(problem.path for problem in evidence.problems if problem.rule == RULE)


def repository_findings(evidence: Evidence) -> Iterator[FindingRow]:
    """What of a repository could not be read: objects, parts of it that the forge did not tell, and contents."""
    key = evidence.repository.id
    for object_id, named_by in evidence.unreadable.items():
        place = Place(repository_id=key, path=named_by)
        message = f"the forge names {named_by} and does not give {object_id}; check the repository with git fsck"
        yield finding(place, "unreadable-object", message)
    for error in evidence.read_errors.values():
        yield finding(Place(repository_id=key, path=error.about), error.rule, error.message)
    yield from content_findings(evidence)


def content_findings(evidence: Evidence) -> Iterator[FindingRow]:
    """What of a repository could not be read as it is; files that found no room are counted, by limit."""
    yield from _limits(evidence.repository.id, (p for p in evidence.problems if p.rule == RULE))
    for problem in evidence.problems:
        if problem.rule != RULE:
            place = Place(repository_id=evidence.repository.id, path=shown_path(problem.path))
            yield finding(place, problem.rule, cut(problem.message))


def _limits(repository_id: int, problems: Iterable[ContentProblem]) -> Iterator[FindingRow]:
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for problem in problems:
        counts[problem.message] += 1
        first.setdefault(problem.message, shown_path(problem.path)[:200])
    for message, count in sorted(counts.items()):
        what = "1 file is" if count == 1 else f"{count:,} files are"
        place = Place(repository_id=repository_id)
        yield finding(place, RULE, f"{what} left out, as {first[message]}: {message}", field=message.split(" ")[0])
