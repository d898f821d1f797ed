"""Which pages of other origins may read the API in a browser (fetch.spec.whatwg.org, "CORS protocol"). No I/O.

Only what the configuration names, letter by letter; nothing at all where it names none. Credentials are never
allowed: a page reads what anyone reads, never with somebody's cookies for a proxy in front.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

ALL = "*"
EXPOSED = (
    "Content-Disposition", "ETag", "Forgeglass-Observed-At", "Forgeglass-Position", "Forgeglass-Sequence",
    "Forgeglass-Stale", "Link", "Retry-After",
)  # fmt: skip
"""Headers of an answer that a page may read, beside those that it always may."""
TAKEN = ("Authorization", "Cache-Control", "If-None-Match", "Last-Event-ID")
"""Headers of a question that a page may send, beside those that it always may."""
REMEMBERED = 600
"""Seconds for which a browser keeps the answer to a preflight."""


def answer_headers(origins: Collection[str], origin: str | None) -> dict[str, str]:
    """What an answer to `origin` carries. `Vary` also where the origin is none of ours: a cache must not mix them."""
    if not origins:
        return {}
    exposed = {"Access-Control-Expose-Headers": ", ".join(EXPOSED)}
    if ALL in origins:
        return {"Access-Control-Allow-Origin": ALL, **exposed}
    if origin not in origins or origin is None:
        return {"Vary": "Origin"}
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin", **exposed}


def preflight(origins: Collection[str], asked: Mapping[str, str]) -> dict[str, str] | None:
    """What the answer to a preflight carries beside `answer_headers`; None where there is nothing to allow."""
    allowed = "Access-Control-Allow-Origin" in answer_headers(origins, asked.get("Origin"))
    if not allowed or "Origin" not in asked or "Access-Control-Request-Method" not in asked:
        return None
    return {
        "Access-Control-Allow-Methods": "GET, HEAD",
        "Access-Control-Allow-Headers": ", ".join(TAKEN),
        "Access-Control-Max-Age": str(REMEMBERED),
    }


def merged(headers: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Both, what `Vary` says of either in one."""
    vary = ", ".join(one["Vary"] for one in (headers, more) if "Vary" in one)
    return {**headers, **more, **({"Vary": vary} if vary else {})}
