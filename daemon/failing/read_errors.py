"""What one look could not read, and what follows from that: a finding about that part alone, and perhaps another try.

A part of a repository that fails keeps what was known of it, and everything else goes on. What may pass by itself fails
the look once, after the rest was written, so that it is tried again soon; the second time in a row it is only told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import ClassVar

import structlog

from cache.model import ReadError, Repository, RepositoryEvidence
from daemon.deadline import Deadline
from daemon.work.scope import Scope
from gitea_client.errors import ForgeError, HttpError, Malformed, Throttled, Unauthorized, Unreachable

log = structlog.get_logger(__name__)

TOLERATED = 2
"""What could not be read so many times in a row holds up nothing else any more."""
LONGEST = 500
"""The most characters of a message."""

HIDDEN = "pull-requests-hidden"
LIST = "pull-requests-unreadable"
ONE = "pull-request-unreadable"
NO_DEFAULT = "default-branch-missing"

THE_LIST = "pull requests"
DEFAULT_BRANCH = "default branch"

_PASSING = (HttpError, Malformed, Unreachable)
"""What may pass by itself, or by a right that is given; what git makes of a commit stays the same."""

Failures = Counter[tuple[int, str]]
"""How often in a row each part of a repository could not be read."""


class PartlyRead(ForgeError):
    """Something of a repository could not be read, and may be soon; the rest was read and written."""

    retry: ClassVar[bool] = True

    def __init__(self, what: str, error: ForgeError) -> None:
        super().__init__(f"{what}: {error}")
        self.remedy = error.remedy


def one(number: int) -> str:
    """What a pull request is called in a finding."""
    return f"pull request {number}"


def timeline(number: int) -> str:
    """What the timeline of a pull request is called in a finding."""
    return f"timeline of pull request {number}"


def commits(number: int) -> str:
    """What the commits of a pull request are called in a finding."""
    return f"commits of pull request {number}"


def changes(number: int) -> str:
    """What a pull request makes of files is called so in a finding."""
    return f"changes of pull request {number}"


def is_whole_forge(error: ForgeError) -> bool:
    """Whether an error would meet every other request as well."""
    return isinstance(error, Unauthorized | Throttled)


class ReadErrors:
    """The errors of one look at one repository: those `known` from before stand until their part was read."""

    def __init__(
        self,
        repository: Repository,
        known: RepositoryEvidence | None,
        scope: Scope,
        failures: Failures,
        deadline: Deadline | None = None,
    ) -> None:
        self.deadline = deadline or Deadline(None)
        """What of pull requests comes after it is no error, and stands as it was."""
        self.found: dict[str, ReadError] = dict(known.read_errors) if known is not None else {}
        self.passing: PartlyRead | None = None
        """The first error that may pass by itself, and was not met before."""
        self._repository = repository
        self._known = known
        self._scope = scope
        self._failures = failures

    def add(self, about: str, rule: str, error: ForgeError, number: int = 0) -> None:
        """A part could not be read. Raises the error where it concerns the forge as a whole."""
        if is_whole_forge(error):
            raise error
        log.warning("part.unreadable", repository=self._repository.full_name, about=about, error=str(error))
        message = f"the {about} of {self._repository.full_name} cannot be read: {error}; {error.remedy}"
        place = self._repository.id, about
        self._failures[place] += 1
        retry = isinstance(error, _PASSING) and self._failures[place] < TOLERATED
        self.tell(ReadError(about, rule, message, number, retry))
        if retry and self.passing is None:
            self.passing = PartlyRead(f"the {about} of {self._repository.full_name}", error)

    def tell(self, error: ReadError) -> None:
        """Something stands to be told."""
        short = error.message if len(error.message) <= LONGEST else f"{error.message[:LONGEST]}…"
        self.found[error.about] = ReadError(error.about, error.rule, short, error.number, error.retry)

    def read(self, *parts: str) -> None:
        """Parts were read: nothing of them is told any more."""
        for about in parts:
            self.found.pop(about, None)
            self._failures.pop((self._repository.id, about), None)

    def gone(self, number: int) -> None:
        """A pull request is there no more, and nothing of it is told."""
        self.read(*[about for about, error in self.found.items() if error.number == number])

    def stands(self, about: str, number: int, pull_heads: Mapping[int, str]) -> bool:
        """Whether a part of a pull request could not be read before, would fail in the same way, and is not asked for.

        What may pass is always tried. What does not is tried again when its ref moves, it is asked for, or all are.
        """
        error = self.found.get(about)
        if self._known is None or error is None or error.retry or self._scope.again or self._scope.all_pulls:
            return False
        return number not in self._scope.pulls and self._known.pull_heads.get(number) == pull_heads.get(number)
