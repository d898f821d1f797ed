"""Writes docs/reference/ from the code: `python docs/generate`. With --check it writes nothing and tells what differs.

Exit codes: 0 well; 1 a page differs from what the code gives.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import commands
import configuration
import findings
import http_api
import limits
import metrics
import problems
import profile_format
import sql

REFERENCE = Path(__file__).resolve().parents[1] / "reference"

PAGES: dict[str, Callable[[], str]] = {
    "configuration.md": configuration.page,
    "limits.md": limits.page,
    "commands.md": commands.page,
    "http.md": http_api.page,
    "sql.md": sql.page,
    "metrics.md": metrics.page,
    "findings.md": findings.page,
    "problems.md": problems.page,
    "profile-format.md": profile_format.page,
}


def main(arguments: list[str]) -> int:
    """Write or compare every page."""
    differing = []
    for name, make in PAGES.items():
        path, text = REFERENCE / name, make()
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        differing.append(name)
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
    for name in differing:
        sys.stdout.write(f"docs/reference/{name} {'differs from the code' if '--check' in arguments else 'written'}\n")
    if differing and "--check" in arguments:
        sys.stdout.write("run `make docs`, and commit what it writes\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
