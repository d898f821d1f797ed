"""Names put into request paths, so that no name can become another path."""

from __future__ import annotations

from urllib.parse import quote, urlencode


def segment(name: str) -> str:
    """One percent-encoded path segment; raises ValueError for what would climb or vanish."""
    if name in ("", ".", "..") or "\0" in name:
        raise ValueError(f"{name[:80]!r} cannot stand in a path of the forge")
    return quote(name, safe="", errors="surrogateescape")


def repository(full_name: str) -> str:
    """`owner/name` with both parts quoted; raises ValueError where it is not exactly two parts."""
    owner, slash, name = full_name.partition("/")
    if not slash or "/" in name:
        raise ValueError(f"{full_name[:80]!r} is not of the form owner/name")
    return f"{segment(owner)}/{segment(name)}"


def query_string(query: dict[str, str | int | bool] | None) -> str:
    """`?a=b&c=d`, or nothing; booleans as Go reads them."""
    if not query:
        return ""
    pairs = [(k, str(v).lower() if isinstance(v, bool) else v) for k, v in query.items()]
    return "?" + urlencode(pairs, quote_via=quote)
