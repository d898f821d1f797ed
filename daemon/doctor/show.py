"""Results for people and for machines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from daemon.doctor.result import Result


def lines(results: Sequence[Result]) -> list[str]:
    """One line a result, aligned; below what is wrong its remedy; at the end the count."""
    width = max((len(result.check) for result in results), default=0)
    shown = []
    for result in results:
        shown.append(f"{result.status:<4}  {result.check:<{width}}  {result.what}")
        if result.remedy and result.status != "ok":
            shown.append(f"{'':<4}  {'':<{width}}  → {result.remedy}")
    return [*shown, "", summary(results)]


def summary(results: Sequence[Result]) -> str:
    """How it stands, in one line."""
    counts = {status: sum(result.status == status for result in results) for status in ("fail", "warn", "skip")}
    words = {"fail": "failure", "warn": "warning", "skip": "not looked at"}
    parts = [
        f"{count} {words[status]}{'s' if count > 1 and status != 'skip' else ''}"
        for status, count in counts.items()
        if count
    ]
    return "all is well" if not parts else f"{'not well' if counts['fail'] else 'well'}: {', '.join(parts)}"


def well(results: Sequence[Result]) -> bool:
    """Whether nothing failed."""
    return not any(result.status == "fail" for result in results)


def document(results: Sequence[Result]) -> dict[str, Any]:
    """As `--json` prints it."""
    return {"well": well(results), "checks": msgspec.to_builtins(list(results))}
