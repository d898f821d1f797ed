"""What can go wrong between us and a forge, by what to do about it.

    ForgeError
    ├── Unreachable      no answer: refused, reset, TLS                     → try again later
    │   └── TimedOut     no whole answer in time                            → try again, not at once
    ├── ServerFault      5xx                                                → try again later
    ├── Throttled        429, or 503 with Retry-After                       → wait `retry_after`
    ├── Unauthorized     401                                                → stop and alert
    ├── Forbidden        403                                                → stop and alert
    ├── Missing          404, 410                                           → confirm before believing it
    ├── Redirected       3xx; never followed                                → look it up by id
    ├── Refused          any other 4xx                                      → record; asking again will not help
    ├── Malformed        an answer that is cut, short, or not what it claims → try again, then record
    │   └── TooLong      longer than the route may need                     → ask for less, then record
    └── GitFailed        the git program failed for a reason of its own     → try again later
        ├── ObjectMissing  the forge does not have (or give) an object      → confirm, then record
        ├── TooMuch        more than a limit allows                         → record; raise the limit, or have less
        ├── NoRoom         the disk has less free than is to stay so        → make room
        └── DiskFailed     our own disk refused what git was to write       → mend the disk

None of these ever means that something was deleted: absence is proved elsewhere. Messages hold the method,
the path and the status, never a header: headers carry the token.
"""

from __future__ import annotations

from typing import ClassVar


class SettingError(ValueError):
    """Something that the client is given cannot be used: an address, a token, a file of certificates."""


class ForgeError(Exception):
    """Root of everything the client raises."""

    remedy: str = "look at the daemon's log"
    """What a person can do about it; a class's own, unless one error knows better."""
    retry: ClassVar[bool] = False
    """Whether reading the same thing again soon may succeed."""


class Unreachable(ForgeError):
    """The forge gave no answer at all."""

    remedy = "check that the forge runs and that forge.url, forge.ca_file and the proxy settings are right"
    retry = True


class TimedOut(Unreachable):
    """No whole answer came in time. Asking again at once would only wait as long once more."""

    remedy = "look at the forge's load, and at what stands between; forge.timeout is how long it may take"
    retry = False


class HttpError(ForgeError):
    """The forge answered with a status that is not success."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(f"{what}: HTTP {status}")
        self.status = status
        self.what = what


class ServerFault(HttpError):
    """The forge failed inside (5xx)."""

    remedy = "look at the forge's own log; Forgeglass tries again by itself"
    retry = True


class Throttled(HttpError):
    """The forge, or a proxy in front of it, asks us to slow down."""

    remedy = "lower forge.concurrency or raise the limit in front of the forge"
    retry = True

    def __init__(self, status: int, what: str, retry_after: float) -> None:
        super().__init__(status, what)
        self.retry_after = retry_after
        """Seconds to wait before asking again."""


class Unauthorized(HttpError):
    """The forge does not accept the token (401)."""

    remedy = "make a new token and put it into forge.token_file"


class Forbidden(HttpError):
    """The token lacks a right (403)."""

    remedy = "give the token the scopes read:repository, read:issue, read:organization and read:user"


class Missing(HttpError):
    """Not there, or hidden from this token (404, 410)."""

    remedy = "check the name, and that the token's user may read it"


class Redirected(HttpError):
    """The forge points elsewhere (3xx): a repository or an owner was renamed."""

    remedy = "use the new name; Forgeglass looks the repository up by its id"

    def __init__(self, status: int, what: str, location: str) -> None:
        super().__init__(status, what)
        self.location = location


class Refused(HttpError):
    """The forge understood and declined (another 4xx)."""

    remedy = "the forge's version may be too old: Gitea 1.20 or Forgejo 7 is needed"


class Malformed(ForgeError):
    """An answer that is not what it claims to be: cut short, not JSON, an incomplete listing."""

    remedy = "look for a proxy that changes answers; on the forge, check the repository with `git fsck`"
    retry = True


class TooLong(Malformed):
    """An answer that is longer than what was asked for can need."""

    remedy = "look on the forge for what is so long, or raise limits.answer_size"
    retry = False


class GitFailed(ForgeError):
    """The git program ended with an error."""

    remedy = "run the daemon's user through `git --version` (2.34 or newer) and check the space left on the disk"
    retry = True


class ObjectMissing(GitFailed):
    """The forge lists or once had an object, and does not give it."""

    remedy = "on the forge, check the repository with `git fsck`; an object removed by gc does not come back"
    retry = False

    def __init__(self, object_id: str, what: str) -> None:
        super().__init__(f"{what}: the forge does not give object {object_id}")
        self.object_id = object_id


class TooMuch(GitFailed):
    """What was to be read holds more than a limit allows. It says nothing about what lies within the limit.

    `what` names the thing that is over (a commit's tree, what a pull request changes), `limit` the key of the
    configuration, without its section.
    """

    retry = False

    def __init__(self, what: str, amount: str, limit: str) -> None:
        super().__init__(f"{what}: {amount}, which is what limits.{limit} allows at most")
        self.remedy = f"raise limits.{limit}, or take out of the repository what is too much"
        self.what = what
        self.amount = amount
        self.limit = limit

    @property
    def lasting(self) -> bool:
        """Whether the same objects are too much each time they are read: they were counted, not weighed or timed."""
        return self.limit in ("tree_paths", "repository_changes")


class NoRoom(GitFailed):
    """Nothing is fetched: the disk has less free than a limit wants to stay free."""

    remedy = "make room on the disk that holds data_dir, or lower limits.disk_free"
    retry = False

    def __init__(self, what: str, free: int) -> None:
        super().__init__(f"{what}: the disk has less than {free} bytes free (limits.disk_free), so nothing is fetched")


class DiskFailed(GitFailed):
    """The disk under the object stores refuses git's reading or writing."""

    retry = False

    def __init__(self, what: str, why: str, remedy: str) -> None:
        super().__init__(f"{what}: {why}")
        self.remedy = remedy
