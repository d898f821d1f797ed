"""What text of a forge, a repository or a delivery may be, before it reaches a command line, a file, a path or a URL.

No I/O. Each kind has a pattern that allows what the servers let people write and nothing that another program could
read as more: no line break, no NUL, no way up a path. Patterns are anchored with `\\A` and `\\Z` (`$` would let a line
break pass) and read ASCII only. Functions return the value or raise ValueError, quoting at most 80 characters of it.
"""

from __future__ import annotations

import re
from typing import Final, Literal, cast, get_args

ObjectFormat = Literal["sha1", "sha256"]
"""The hash functions that Git has (gitformat-pack(5), `extensions.objectFormat` in git-config(1))."""

OBJECT_FORMATS: Final = frozenset(get_args(ObjectFormat))

OBJECT_FORMAT: Final = r"\Asha(?:1|256)\Z"

OBJECT_ID: Final = r"\A(?:[0-9a-f]{40}|[0-9a-f]{64})\Z"
"""A full object id."""

OWNER: Final = r"\A(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,255}\Z"
"""The name of a user or an organisation.

Gitea (`IsValidUsername`) and Forgejo want a letter or digit first and no two signs in a row; names of older servers
keep what was allowed then, so signs may stand anywhere.
"""

LOGIN: Final = r"\A[A-Za-z0-9._@+-]{1,255}\Z"
"""A user who did something. Wider than an owner: Forgejo names users of other servers `@alice@example.org`."""

REPOSITORY_NAME: Final = r"\A(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,255}\Z"
"""The name of a repository: Gitea's and Forgejo's `AlphaDashDot`, less what would climb in a path."""

FULL_NAME: Final = r"\A(?!\.{1,2}/)[A-Za-z0-9._-]{1,255}/(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,255}\Z"
"""`owner/name`."""

REF_NAME: Final = (
    r"\A(?!/)(?!\.)(?!.*(?:\.\.|/\.|//|@\{|\.lock(?:/|\Z)))"
    r"[^\x00-\x20\x7f~^:?*\[\\]{1,4096}(?<![./])\Z"
)
"""The name of a branch or a whole ref, by git-check-ref-format(1)."""

LARGEST: Final = 2**63 - 1
"""The greatest id: what SQLite and Go's int64 hold."""

_OBJECT_ID = re.compile(OBJECT_ID)
_OWNER = re.compile(OWNER)
_LOGIN = re.compile(LOGIN)
_REPOSITORY_NAME = re.compile(REPOSITORY_NAME)
_FULL_NAME = re.compile(FULL_NAME)
_REF_NAME = re.compile(REF_NAME, re.DOTALL)


def or_empty(pattern: str) -> str:
    """A pattern that lets an empty text pass as well: the servers' word for "none"."""
    return rf"\A\Z|{pattern}"


def check_object_format(value: str) -> ObjectFormat:
    """An object format that Git has."""
    if value not in OBJECT_FORMATS:
        raise ValueError(f"{value[:80]!r} is no object format; Git has sha1 and sha256")
    return cast("ObjectFormat", value)


def check_object_id(value: str) -> str:
    """A full object id. What becomes an argument or the input of git passes here."""
    return _checked(_OBJECT_ID, value, "a full object id")


def check_owner(value: str) -> str:
    """The name of a user or an organisation."""
    return _checked(_OWNER, value, "the name of an owner")


def check_repository_name(value: str) -> str:
    """The name of a repository, without its owner."""
    return _checked(_REPOSITORY_NAME, value, "the name of a repository")


def check_full_name(value: str) -> str:
    """`owner/name`."""
    return _checked(_FULL_NAME, value, "of the form owner/name")


def check_ref_name(value: str) -> str:
    """A branch or a whole ref; a leading dash is a name like any other, so none may be an argument by itself."""
    return _checked(_REF_NAME, value, "the name of a ref")


def check_id(value: int) -> int:
    """The number of a repository, a user, a pull request or a webhook."""
    if isinstance(value, bool) or not 0 < value <= LARGEST:
        raise ValueError(f"{value} is no id; ids are whole numbers from 1 to 2^63 - 1")
    return value


def is_owner(value: str) -> bool:
    """Whether this may be the name of a user or an organisation."""
    return _OWNER.search(value) is not None


def is_repository_name(value: str) -> bool:
    """Whether this may be the name of a repository, without its owner."""
    return _REPOSITORY_NAME.search(value) is not None


def is_ref_name(value: str) -> bool:
    """Whether this may be the name of a ref."""
    return _REF_NAME.search(value) is not None


def is_login(value: str) -> bool:
    """Whether this may be a login."""
    return _LOGIN.search(value) is not None


def is_object_id(value: str) -> bool:
    """Whether this is a full object id."""
    return _OBJECT_ID.search(value) is not None


def _checked(pattern: re.Pattern[str], value: str, what: str) -> str:
    if pattern.search(value) is None:
        raise ValueError(f"{value[:80]!r} is not {what}")
    return value
