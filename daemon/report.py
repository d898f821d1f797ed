"""What a sweep did, and what kept it from doing more."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from gitea_client.errors import ForgeError

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


class Trouble(Struct, frozen=True):
    """Something that could not be read."""

    scope: str
    error: str
    remedy: str


class Report(Struct, frozen=True):
    """What a sweep did: the object that the command prints. `repositories` are those that a profile reaches, and
    `reconciled` how many of them were read.
    """

    kind: str
    seconds: float
    requests: dict[str, int]
    repositories: int
    reconciled: int
    changes: int
    errors: list[Trouble]


class TooMuchMissing(ForgeError):
    """A complete list lacks most of what is known: lost rights look the same as deletion."""

    remedy = "check the rights of the token; if they are really gone, `forgeglass rebuild` takes that over"

    def __init__(self, owner: str, absent: int, known: int) -> None:
        super().__init__(f"the list of {owner} lacks {absent} of {known} known repositories; nothing was removed")
