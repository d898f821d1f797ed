"""[limits]: how much a stranger may bring. Each has a key, a sane default, and one thing
that feels it when it is reached.

`keys.KEYS` takes the keys from here; the page on limits is made from them.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from daemon.config import kinds
from daemon.config.key import Key
from gitea_client.limits import StoreLimits

LIMIT_KEYS: Final = (
    # what a forge answers
    Key(
        "limits.answer_size",
        kinds.size(1 << 20),
        "How long one answer of the forge's API may be; single objects have smaller limits of their own.",
        "32MB",
        reached="That reading fails, and is tried again later; everything else goes on.",
    ),
    # what git brings
    Key(
        "limits.git_memory",
        kinds.size(64 << 20),
        "How much memory one git program may take (address space; Linux only).",
        "1GB",
        reached="That program ends: the look at that repository fails with this limit's name, its last rows stay.",
    ),
    Key(
        "limits.git_time",
        kinds.duration(1),
        "How long one fetch may take, and as much computing; reading what was fetched may take a third of it.",
        "15m",
        reached="The program ends: the look at that repository fails, its last rows stay.",
    ),
    Key(
        "limits.fetch_size",
        kinds.size(1 << 20),
        "How many bytes one fetch of a repository may bring.",
        "2GB",
        reached="The fetch ends and leaves nothing: the look at that repository fails, its last rows stay.",
    ),
    Key(
        "limits.disk_free",
        kinds.size(0),
        "How many bytes stay free on the disk of data_dir: with less, nothing is fetched.",
        "512MB",
        reached="Fetches end: each look that needs one fails until there is room, the rows stay as they are.",
    ),
    # what a repository holds
    Key(
        "limits.tree_paths",
        kinds.whole(1_000, 10_000_000),
        "How many paths one listing of a repository may hold: the files of a commit, or what a pull request changes, "
        "within the folders that a profile looks into.",
        100_000,
        reached="What is listed is not read: a pull request is a finding, a default branch keeps its last rows.",
    ),
    Key(
        "limits.repository_files",
        kinds.whole(100, 10_000_000),
        "How many files of one repository are read for entries.",
        50_000,
        reached="Files that came last are left out, with a finding that counts them; the others are served.",
    ),
    Key(
        "limits.repository_text",
        kinds.size(100_000),
        "How many bytes the files of one repository that are read for entries may hold together.",
        "256MB",
        reached="Files that find no room, those that came last, are left out, with a finding that counts them.",
    ),
    Key(
        "limits.repository_changes",
        kinds.whole(1_000, 100_000_000),
        "How many changes of such files the history of one repository may hold.",
        300_000,
        reached="The repository is not read any more; its last rows stay, and its error names this limit.",
    ),
    # what a file holds
    # what a reader asks for
    Key(
        "limits.render_time",
        kinds.duration(0.1),
        "How long the console may take to make up one text.",
        "2s",
        reached="The console shows that text as it is written, with a note; every other page goes on.",
    ),
    Key(
        "limits.connections",
        kinds.whole(16, 65_536),
        "How many HTTP connections may be open; one address may have a quarter of them.",
        512,
        reached="A new one takes the place of the one that has been silent longest; where none is, it is answered 503.",
    ),
    Key(
        "limits.request_time",
        kinds.duration(0.1),
        "How long a connection may stay silent, then how long a request's head, and its body, may take to arrive.",
        "10s",
        reached="The connection is closed; a delivery whose body is late is answered 408.",
    ),
    Key(
        "limits.idle_time",
        kinds.duration(0.1),
        "How long a connection is kept for its next request; longer than a proxy in front keeps its own.",
        "75s",
        reached="The connection is closed.",
    ),
    Key(
        "limits.deliveries_waiting",
        kinds.size(1 << 20),
        "How many bytes of deliveries over 64 kB may wait in memory, of all together.",
        "32MB",
        reached="The body that has been arriving longest is answered 503; the next sweep finds its change.",
    ),
    Key(
        "limits.streams",
        kinds.whole(1, 10_000),
        "How many streams of events may be open, and as many long polls and waits for a commit; strangers take half "
        "of them together, one reader a quarter.",
        100,
        reached="One more is answered 503; whoever is known by a token finds a place that no stranger takes.",
    ),
    Key(
        "limits.page_size",
        kinds.size(64 * 1024),
        "How many bytes of bodies a page brings (`include=body`).",
        "1MB",
        reached="The page ends early, with a `next` that goes on behind it; it brings one entry at least.",
    ),
    Key(
        "limits.diff_lines",
        kinds.whole(100, 10_000_000),
        "How many lines each of two texts may have to be compared, beside 4 MB of both together.",
        20_000,
        reached="The answer is 413; the texts themselves can be read.",
    ),
    Key(
        "limits.answers_waiting",
        kinds.size(1 << 20),
        "How many bytes of answers over 64 kB may wait for their readers; strangers have half of them.",
        "64MB",
        reached="A long answer is refused with 503, until others have been read.",
    ),
    Key(
        "limits.answer_time",
        kinds.duration(0.1),
        "How long a reader may take to read an answer, and a second more for each 64 kB of it.",
        "30s",
        reached="The connection is closed.",
    ),
)


def _default(name: str) -> Any:
    key = next(key for key in LIMIT_KEYS if key.name == f"limits.{name}")
    return key.kind.parse(key.default)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """[limits]: sizes are bytes, durations seconds."""

    @property
    def of_store(self) -> StoreLimits:
        """What one repository's object store may cost."""
        return StoreLimits(self.git_memory, self.git_time, self.fetch_size, self.disk_free)

    # what a forge answers
    answer_size: int = _default("answer_size")
    # what git brings
    git_memory: int = _default("git_memory")
    git_time: float = _default("git_time")
    fetch_size: int = _default("fetch_size")
    disk_free: int = _default("disk_free")
    # what a repository holds
    tree_paths: int = _default("tree_paths")
    repository_files: int = _default("repository_files")
    repository_text: int = _default("repository_text")
    repository_changes: int = _default("repository_changes")
    # what a file holds
    # what a reader asks for
    render_time: float = _default("render_time")
    connections: int = _default("connections")
    request_time: float = _default("request_time")
    idle_time: float = _default("idle_time")
    deliveries_waiting: int = _default("deliveries_waiting")
    streams: int = _default("streams")
    page_size: int = _default("page_size")
    diff_lines: int = _default("diff_lines")
    answers_waiting: int = _default("answers_waiting")
    answer_time: float = _default("answer_time")
