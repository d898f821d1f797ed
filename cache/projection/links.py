"""Links from one file of a repository to another, as Markdown writes them: which path each means. No I/O."""

from __future__ import annotations

import re
from urllib.parse import unquote

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")


def linked_path(path: str, address: str) -> str | None:
    """The path that an address means in the file at `path`: `0003-x.md`, `./x.md`, `../adr/0003-x.md#status`,
    `/docs/x%20y.md`. None for another site's, for a part of the same page, and for what leads out of the repository.
    """
    plain = address.strip().partition("#")[0].partition("?")[0]
    if not plain or _SCHEME.match(plain):
        return None
    steps = [] if plain.startswith("/") else path.split("/")[:-1]
    for step in unquote(plain).split("/"):
        if step == "..":
            if not steps:
                return None
            steps.pop()
        elif step not in ("", "."):
            steps.append(step)
    return "/".join(steps) or None
