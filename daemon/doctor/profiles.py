"""The profiles: whether they load, and whether each of their collections finds a repository."""

from __future__ import annotations

from collections.abc import Sequence

from cache.profile.collection import Block, Collection
from cache.profile.problems import ProfileError
from daemon.blocks import load_blocks
from daemon.config.errors import nearest
from daemon.doctor.patient import Patient, names
from daemon.doctor.result import Result, fail, ok, warn
from gitea_client.errors import Missing, Redirected


async def profiles(patient: Patient) -> Sequence[Result]:
    """Read every profile of the configuration; each mistake is a result of its own."""
    try:
        patient.blocks = load_blocks(patient.config)
    except ProfileError as error:
        return [
            fail("profiles", str(problem), "correct it there; `forgeglass profile check FILE` tries a file by itself")
            for problem in error.problems
        ]
    return [ok("profiles", f"{', '.join(block.name for block in patient.blocks)} {_are(patient.blocks)} right")]


def _are(blocks: Sequence[Block]) -> str:
    return "is" if len(blocks) == 1 else "are"


async def selections(patient: Patient) -> Sequence[Result]:
    """What each collection selects among the repositories that the token sees."""
    pairs = [(block, collection) for block in patient.blocks for collection in block.collections]
    return [await _selected(patient, block, collection) for block, collection in pairs]


async def _selected(patient: Patient, block: Block, collection: Collection) -> Result:
    check, label = "selection", f"{block.name}/{collection.name}"
    chosen = [one for one in patient.seen() if collection.repository.selects(one)]
    if chosen:
        return ok(check, f"{label} is looked for in {names(chosen)}")
    full_name = collection.repository.full_name
    if full_name is None:
        what = f"{label} selects none of the {len(patient.seen())} repositories that the token sees"
        return warn(check, what, "correct the block's owner, name pattern or topic, or let the token's user see more")
    owner, _, name = full_name.partition("/")
    try:
        await patient.rest.repository(owner, name)  # may belong to somebody who is not among the owners
    except (Missing, Redirected) as error:
        renamed = isinstance(error, Redirected)
        near = None if renamed else nearest(full_name, [one.full_name for one in patient.seen()])
        what = f"{label} is to be in {full_name}, which {'has another name now' if renamed else 'is not visible'}"
        hint = f'did you mean "{near}"? ' if near else ""
        return fail(check, what, f"{hint}Correct the block of {block.name}, or let the token's user read it")
    return ok(check, f"{label} is looked for in {full_name}")
