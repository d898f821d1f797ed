"""Which webhooks are told of what: events asked for, and branch filters. Pure.

Filters are patterns of github.com/gobwas/glob, compiled without separators as the servers do.
"""

from __future__ import annotations

import re

from .serialise import Json
from .state import Hook


def passes(pattern: str, branch: str) -> bool:
    """Whether a branch passes a filter: `*` stands for anything, slashes too, `{a,b}` for either.

    A pattern that cannot be read lets nothing pass, as on the servers.
    """
    if pattern in ("", "*"):
        return True
    try:
        return re.fullmatch(_translated(pattern), branch, re.DOTALL) is not None
    except (ValueError, re.error):
        return False


def _translated(pattern: str) -> str:
    made, depth, at = [], 0, 0
    while at < len(pattern):
        character = pattern[at]
        if character == "[":
            end = pattern.index("]", at + 1)
            inner = pattern[at + 1 : end]
            negated = "^" if inner[:1] == "!" else ""
            made.append(f"[{negated}{re.escape(inner.removeprefix('!')).replace(chr(92) + '-', '-')}]")
            at = end
        elif character == "\\" and at + 1 < len(pattern):
            at += 1
            made.append(re.escape(pattern[at]))
        elif character in "{}":
            depth += 1 if character == "{" else -1
            made.append("(?:" if character == "{" else ")")
        else:
            plain = re.escape(character)
            made.append({"*": ".*", "?": ".", ",": "|" if depth else ","}.get(character, plain))
        at += 1
    if depth:
        raise ValueError("a brace without its other")
    return "".join(made)


def wants(hook: Hook, event_type: str, payload: Json) -> bool:
    """Whether a hook is told of an event: it is active, asked for it, and its filter lets the branch pass.

    Only pushes, and branches made and deleted, have a branch (getPayloadBranch in services/webhook/webhook.go).
    """
    if not hook.active or event_type not in hook.events:
        return False
    ref = str(payload.get("ref", "")) if event_type in ("push", "create", "delete") else ""
    if ref.startswith("refs/heads/"):
        return passes(hook.branch_filter, ref.removeprefix("refs/heads/"))
    return payload.get("ref_type") != "branch" or passes(hook.branch_filter, ref)
