"""The cells of pull requests: whose repositories are whose, and the place of each pull request in the collections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from cache.profile.collection import Block, Collection
from cache.projection import actors
from cache.projection.context import Context
from cache.projection.incremental import NOTHING, Answers, Cell, Made
from cache.projection.inputs import RecordedInputs
from cache.projection.pulls import places, pull_row
from cache.rows import Row

Naming = tuple[int, int, str, int, str]
"""An entry that names a repository as its own: repository, position, path and line of its file, and its key."""


def home(_context: Context, cell: Cell, answers: Answers) -> Made:
    """Whose repository this is: of entries that name one, the first has its pull requests."""
    named = cast("tuple[Naming, ...]", answers.said(("home of", *cell.key)))
    return Made(says={("owner", *cell.key): min(named)[-1]}) if named else NOTHING


def pull(context: Context, cell: Cell, answers: Answers) -> Made:
    """A pull request as it stands, or stood before it was gone, and its place in each collection."""
    repository_id, number = cell.key
    inputs = context.inputs(answers)
    evidence = inputs.mirrored.get(repository_id)
    raised = evidence.pulls.get(number) if evidence is not None else None
    if evidence is not None and raised is not None:
        head, gone = evidence.pull_heads.get(number), False
    else:
        stone = inputs.gone_pull(repository_id, number)
        if stone is None:
            return NOTHING
        raised, head, gone = stone.pull, stone.head_sha, True
    rows: list[Row] = [pull_row(raised, head, gone=gone)]
    for block, collection in context.places.values():
        homes = {
            rule.field: _owner(answers, block, collection, rule.field, repository_id)
            for rule in collection.pulls if rule.field is not None
        }  # fmt: skip
        names = {rule.repository for rule in collection.pulls if rule.repository is not None}
        named = {name: found for name in sorted(names) if (found := inputs.home(name)) is not None}
        audits = _audits(answers, inputs, block, collection, repository_id, number)
        rows += places(block, collection, [raised], homes, named, audits, inputs.people)
    return Made(tuple(rows))


def _owner(
    answers: Answers, block: Block, collection: Collection, field: str, repository_id: int
) -> Mapping[int, str]:
    """The entry whose repository this is by a field, by the repository's id."""
    owner = next(iter(answers.said(("owner", block.name, collection.name, field, repository_id))), None)
    return {} if owner is None else {repository_id: str(owner)}


def _audits(
    answers: Answers, inputs: RecordedInputs, block: Block, collection: Collection, repository_id: int, number: int
) -> Mapping[str, actors.Audit]:
    """The audit entry that names this pull request first, by collection."""
    found = {}
    for step in collection.actor:
        if step.collection is not None:
            said = answers.said(("audit", block.name, step.collection, repository_id, number))
            lines = sorted(cast("tuple[tuple[int, str, int, actors.AuditLine], ...]", said), key=lambda line: line[:3])
            found[step.collection] = {(repository_id, number): lines[0][-1]} if lines else {}
    return found
