"""The page of findings, from cache.profile.rules."""

from __future__ import annotations

import marks
from marks import code, plain

from cache.profile.rules import OPERATIONAL, RULES

INTRO = """\
A finding says that something is wrong, with repository, path, line, commit, and since when. It stands beside the last
good row and goes when the fault is mended. `/api/v1/findings` lists those that stand, `?cleared=true` those that were
mended; in SQL it is the table `findings`.

Most *errors* mean that the file's newest version did not become a row (the entry's `valid` is false then); a
*warning* never does.
"""


def page() -> str:
    """The page, each rule under a heading of its own, so that links can lead to it."""
    parts = []
    for rule in sorted(RULES.values(), key=lambda rule: rule.id):
        kind = f"{rule.severity}; tells of what happens here and now, not of the forge's content"
        severity = kind if rule.id in OPERATIONAL else rule.severity
        parts.append(f"## {rule.id}\n\n*{severity}*\n\n{plain(rule.summary)}\n\n**To mend it:** {plain(rule.remedy)}\n")
    names = ", ".join(f"[{code(rule)}](#{rule})" for rule in sorted(RULES))
    return marks.page("Findings", INTRO, names, *parts)
