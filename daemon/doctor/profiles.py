"""The profiles: whether they load, and whether each of their collections finds a repository."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from cache.profile.collection import Block, Collection
from cache.profile.problems import ProfileError, ProfileProblem
from daemon.blocks import load_blocks
from daemon.config import Config
from daemon.config.errors import nearest
from daemon.doctor.patient import Patient, names
from daemon.doctor.result import Result, fail, ok, warn
from gitea_client.errors import Missing, Redirected

FEW: Final = 5
"""Collections that are told one by one where all is well."""


async def profiles(patient: Patient) -> Sequence[Result]:
    """Read every profile of the configuration; each mistake is a result of its own."""
    try:
        patient.blocks = load_blocks(patient.config)
    except ProfileError as error:
        return list(_told(patient.config, error))
    named = [block.name for block in patient.blocks]
    more = f" and {len(named) - FEW} more" if len(named) > FEW else ""
    return [ok("profiles", f"{', '.join(named[:FEW])}{more} {'is' if len(named) == 1 else 'are'} right")]


def _told(config: Config, error: ProfileError) -> Iterator[Result]:
    """Each mistake with where it is to be corrected: in a profile's file, or in a block of the configuration."""
    blocks: dict[ProfileProblem, str] = {}
    for number, wanted in enumerate(config.profiles):
        try:
            load_blocks(replace(config, profiles=(wanted,)))
        except ProfileError as alone:
            for problem in alone.problems:
                blocks.setdefault(problem, f"the block {wanted.name or wanted.use!r} (profiles.{number}): ")
    for problem in error.problems:
        if _is_in_a_file(problem):
            remedy = "correct it there; `forgeglass profile check FILE` tries a file by itself"
            yield fail("profiles", str(problem), remedy)
            continue
        unread = f"{problem.file}: " if problem.rule == "unreadable" else ""
        what = f"{config.path}: {blocks.get(problem, '')}{unread}{problem.message} [{problem.rule}]"
        yield fail("profiles", what, f"correct it in {config.path}")


def _is_in_a_file(problem: ProfileProblem) -> bool:
    """What has a line is in a profile; what has none is about a block, unless the profile as a whole is no YAML."""
    return problem.line > 0 or (problem.file.endswith((".yaml", ".yml")) and problem.rule != "unreadable")


async def selections(patient: Patient) -> Sequence[Result]:
    """What each collection selects among the repositories that the token sees."""
    pairs = [(block, collection) for block in patient.blocks for collection in block.collections]
    found = [await _selected(patient, block, collection) for block, collection in pairs]
    well = [pair for pair, result in zip(pairs, found, strict=True) if result.status == "ok"]
    if len(well) <= FEW:
        return found
    return [ok("selection", _folded(well, patient)), *(result for result in found if result.status != "ok")]


def _folded(well: Sequence[tuple[Block, Collection]], patient: Patient) -> str:
    """One line for all that is well, where it is much: what is not must be seen among it."""
    blocks = len({block.name for block, _ in well})
    chosen = {one.full_name.lower() for one in patient.seen() if any(c.repository.selects(one) for _, c in well)}
    named = {collection.repository.full_name for _, collection in well} - {None}  # may belong to another owner
    count = len(chosen | {str(name).lower() for name in named})
    return (
        f"{len(well)} collections of {blocks} {'block' if blocks == 1 else 'blocks'} look in {count} "
        f"{'repository' if count == 1 else 'repositories'}"
    )


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
