"""Which scopes of a token a route asks for (routers/api/v1/api.go): `read:X` to read, `write:X` to change. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

AREAS = (
    (re.compile(r"^/api/v1/(version|settings)"), ()),
    (re.compile(r"^/api/v1/user/repos"), ("user", "repository")),
    (re.compile(r"^/api/v1/(user|users)\b"), ("user",)),
    (re.compile(r"^/api/v1/admin\b"), ("admin",)),
    (re.compile(r"^/api/v1/orgs\b"), ("organization",)),
    (re.compile(r"^/api/v1/repos/issues/search"), ("issue",)),
    (re.compile(r"^/api/v1/repos/[^/]+/[^/]+/(issues|labels)\b"), ("issue",)),
    (re.compile(r"^/api/v1/(repos|repositories)\b"), ("repository",)),
    (re.compile(r"\.git/"), ("repository",)),
)
"""The areas that a path belongs to: the first that matches counts."""


def missing(method: str, path: str, scopes: Collection[str]) -> list[str]:
    """The scopes that a request needs and a token lacks. A git push is a change, a git fetch is not."""
    areas = next((areas for pattern, areas in AREAS if pattern.search(path)), ())
    changes = path.endswith("/git-receive-pack") if ".git/" in path else method not in ("GET", "HEAD")
    verb = "write" if changes else "read"
    granted = {*scopes, *(f"read:{scope.removeprefix('write:')}" for scope in scopes if scope.startswith("write:"))}
    return [f"{verb}:{area}" for area in areas if f"{verb}:{area}" not in granted and "all" not in granted]
