"""Whether the forge shows the pull requests that profiles speak of: a repository may be readable without them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from cache.model import Repository
from daemon.doctor.patient import Patient
from daemon.doctor.result import Result, ok, warn

MOST: Final = 8
"""Repositories that are asked for their pull requests."""


async def pull_requests(patient: Patient) -> Sequence[Result]:
    """Ask for the pull requests of repositories whose pull requests a profile uses; 404 is an answer."""
    wanted = list(_with_pulls(patient))[:MOST]
    found = [warned for one in wanted if (warned := await _shown(patient, one)) is not None]
    if found or not wanted:
        return found
    many = "repository" if len(wanted) == 1 else "repositories"
    return [ok("pull requests", f"those of {len(wanted)} {many} are shown")]


def _with_pulls(patient: Patient) -> Iterator[Repository]:
    """The repositories that rules about pull requests name, or whose entries have revisions by them."""
    collections = [collection for block in patient.blocks for collection in block.collections]
    named = {(rule.repository or "").lower() for collection in collections for rule in collection.pulls}
    revised = [c for c in collections if c.revisions is not None and c.revisions.rule == "pull_request"]
    for one in patient.seen():
        if one.full_name.lower() in named or any(c.repository.selects(one) for c in revised):
            yield one


async def _shown(patient: Patient, one: Repository) -> Result | None:
    stands = "they stand as they were last seen, and new ones are not known"
    if not one.has_pull_requests:
        what = f"pull requests are switched off in {one.full_name}: {stands}"
        remedy = "switch them on in the repository's settings, or leave them out of the profile"
        return warn("pull requests", what, remedy)
    owner, _, name = one.full_name.partition("/")
    if await patient.rest.shows_pull_requests(owner, name):
        return None
    what = f"the token may not read the pull requests of {one.full_name}: {stands}"
    remedy = "let the token's user read pull requests there (a team needs more than the unit for code)"
    return warn("pull requests", what, remedy)
