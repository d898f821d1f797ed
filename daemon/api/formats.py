"""In which form a list is wanted. No I/O."""

from __future__ import annotations

from typing import Literal

from daemon.api.parameters import WAITING, Pairs, one
from daemon.api.problems import ProblemError

Form = Literal["json", "csv"]

LISTED = (*WAITING, "format")
"""Parameters that every list knows beside its filters."""


def form(pairs: Pairs, accept: str) -> Form:
    """What `format=` says; else what `Accept` likes better, JSON where it likes both as well.

    An `Accept` that takes neither gets JSON all the same (RFC 9110, section 12.5.1, allows it). ProblemError:
    `bad-value`.
    """
    said = one(pairs, "format")
    if said is None:
        return "csv" if weight(accept, "text", "csv") > weight(accept, "application", "json") else "json"
    if said == "csv":
        return "csv"
    if said == "json":
        return "json"
    raise ProblemError("bad-value", f"format is {said[:100]!r}; it can be json or csv.", parameter="format")


def weight(accept: str, kind: str, subtype: str) -> float:
    """How much a media type is liked, from 0 to 1: the nearest range counts (RFC 9110, section 12.5.1)."""
    weights = {"*/*": 0.0}
    for part in accept.split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
        try:
            weights[media] = min(max(float(quality), 0.0), 1.0)
        except ValueError:
            weights[media] = 0.0
    names = (f"{kind}/{subtype}", f"{kind}/*", "*/*")
    return next(weights[name] for name in names if name in weights)
