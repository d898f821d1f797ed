"""From the versions of a file to what it says: its newest version, or the last good one with what is wrong.

The same walk serves the daemon, which must know how many versions to load, and the projection, which must come to
the same answer from what was loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from cache.model import Blob, FileVersion
from cache.profile.collection import Collection
from cache.profile.entry import Record, parse_file
from cache.profile.rules import Problem, problem

SYMLINK = "120000"
SUBMODULE = "160000"


class Reading(Struct, frozen=True):
    """What a file says now.

    `records` come from `version`, which is the newest version unless that one does not read well; `problems` are
    always those of the newest. `added` is the version with which the file came (again) into being. A file whose
    versions never read well has no records. `wanted` is the next blob to load before more can be said, None when
    everything needed was there.
    """

    records: tuple[Record, ...]
    problems: tuple[Problem, ...]
    version: FileVersion
    newest: FileVersion
    added: FileVersion
    wanted: str | None = None
    broken: tuple[Record, ...] = ()
    """Records of the newest version that tell a key and are not valid, where nothing is served in their place."""

    @property
    def valid(self) -> bool:
        """Whether the newest version is the one served."""
        return self.version is self.newest and all(record.valid for record in self.records)


def trailing(versions: Sequence[FileVersion]) -> Sequence[FileVersion]:
    """The versions since the file last came into being; empty where it is gone."""
    start = len(versions)
    while start > 0 and versions[start - 1].blob is not None:
        start -= 1
    return versions[start:]


def read_file(collection: Collection, versions: Sequence[FileVersion], blobs: Mapping[str, Blob]) -> Reading | None:
    """Read a file that the collection's pattern matches; None where it is gone or the path gives no key.

    A `jsonl` file is served at its newest version whatever its lines say: a bad line is a problem of that line.
    """
    run = trailing(versions)
    if not run:
        return None
    captures = collection.captures(run[-1].path)
    if captures is None:
        return None
    newest, added = run[-1], run[0]
    if collection.lenient and newest.mode in (SYMLINK, SUBMODULE):
        (told,) = records_of(collection, newest, captures, blobs)
        warnings = tuple(replace(one, severity="warning") for one in told.problems)
        return Reading((), warnings, newest, newest, added, broken=(_keyed(collection, captures, told),))
    problems: tuple[Problem, ...] = ()
    bad: tuple[Record, ...] = ()
    for version in reversed(run):
        if version.blob is not None and version.mode not in (SYMLINK, SUBMODULE) and version.blob not in blobs:
            return Reading((), problems, newest, newest, added, wanted=version.blob)
        records = records_of(collection, version, captures, blobs)
        if version is newest:
            problems = tuple(problem for record in records for problem in record.problems)
            bad = tuple(_keyed(collection, captures, record) for record in records if not record.valid)
        good = tuple(record for record in records if record.valid and record.key is not None)
        if len(good) == len(records) or (collection.format == "jsonl" and good):
            return Reading(good, problems, version, newest, added, broken=_unserved(bad, good))
    return Reading((), problems, newest, newest, added, broken=bad)


def _keyed(collection: Collection, captures: Mapping[str, str], record: Record) -> Record:
    """A record with the key that its path gives, where it tells none itself: a link has one all the same."""
    if record.key is not None or collection.format == "jsonl" or not captures.keys() >= set(collection.key):
        return record
    return replace(record, key=tuple(captures[part] for part in collection.key))


def _unserved(bad: Sequence[Record], good: Sequence[Record]) -> tuple[Record, ...]:
    served = {record.key for record in good} if bad else ()
    return tuple(record for record in bad if record.key not in served)


def records_of(
    collection: Collection, version: FileVersion, captures: Mapping[str, str], blobs: Mapping[str, Blob]
) -> tuple[Record, ...]:
    """What one version of a file says, its blob being at hand."""
    if version.mode in (SYMLINK, SUBMODULE):
        rule, what = ("symlink", "a symbolic link") if version.mode == SYMLINK else ("submodule", "a submodule")
        message = f"{version.path} is {what}, not a file; put the file itself there."
        return (Record(None, {}, None, 1, False, (problem(rule, message),)),)
    content = blobs[version.blob].content if version.blob else None
    return parse_file(collection, version.path, content, captures)
