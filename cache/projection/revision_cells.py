"""The cells of what pull requests make of entries: drafts, revisions, proposals."""

from __future__ import annotations

from collections import defaultdict
from typing import cast

from cache.profile.collection import Block, Collection
from cache.projection.context import Context, is_selected, under_ids
from cache.projection.drafts import Draft, document_drafts, entry_drafts
from cache.projection.entries import Claim
from cache.projection.entry_cells import AskedEntries
from cache.projection.field_rule import KeptKey, Told, Winner, file_drafts, firsts
from cache.projection.incremental import NOTHING, Answers, Cell, Fact, Made
from cache.projection.proposals import proposals_of
from cache.projection.reach import named_branches
from cache.projection.recall import Recall
from cache.projection.relations import Targets
from cache.projection.revisions import by_address, kept_key, numbered_rows


def draft(context: Context, cell: Cell, answers: Answers) -> Made:
    """What the heads of one pull request make of a collection's entries; of one entry its own file goes first."""
    block, collection = context.places[cell.key[0], cell.key[1]]
    repository_id, number = cell.key[2:]
    inputs = context.inputs(answers)
    evidence = inputs.mirrored.get(repository_id)
    history = evidence.histories.get(number) if evidence is not None else None
    pull = evidence.pulls.get(number) if evidence is not None else None
    if evidence is None or history is None or pull is None:
        return NOTHING
    found: list[Draft] = []
    if is_selected(collection, repository_id, inputs):
        rules = named_branches(collection, repository_id, inputs)
        found += entry_drafts(collection, evidence, history, pull, rules)
    home = _home(answers, block, collection, repository_id)
    if home is not None and collection.document is not None:
        parts = home.record.key or ()
        found += document_drafts(collection.document.path, parts, home.repository_id, evidence, history)
    said: dict[Fact, object] = {}
    for each in found:
        said.setdefault(("draft", block.name, collection.name, kept_key(collection, each)), each)
    return Made(says=said)


def field_draft(context: Context, cell: Cell, answers: Answers) -> Made:
    """What every version of one file said that set a field to an address."""
    block, collection = context.places[cell.key[0], cell.key[1]]
    repository_id, path = cell.key[2:]
    inputs, rule = context.inputs(answers), collection.revisions
    evidence = inputs.mirrored.get(repository_id)
    if evidence is None or evidence.depth != "files" or rule is None or rule.field is None:
        return NOTHING
    if not is_selected(collection, repository_id, inputs) or collection.captures(path) is None:
        return NOTHING
    winner = _winner(answers, block, collection)
    said: dict[Fact, list[Told]] = defaultdict(list)
    for told in file_drafts(collection, rule.field, evidence, path, winner, block.forge):
        said["field draft", block.name, collection.name, kept_key(collection, told[1])].append(told)
    return Made(says={fact: tuple(of_key) for fact, of_key in said.items()})


def revision(context: Context, cell: Cell, answers: Answers) -> Made:
    """Every revision of one entry, by its key as it is kept: their numbers depend on one another."""
    block, collection = context.places[cell.key[0], cell.key[1]]
    inputs = context.inputs(answers)
    kept = inputs.published(*cell.key)
    told = cast("tuple[Draft, ...]", answers.said(("draft", *cell.key)))
    drafts: dict[KeptKey, Draft] = {(cell.key[2], each.repository_id, each.number): each for each in told}
    if collection.revisions is not None and collection.revisions.rule == "field":
        of_files = cast("tuple[tuple[Told, ...], ...]", answers.said(("field draft", *cell.key)))
        by_field = firsts(each for of_file in of_files for each in of_file)
        kept = by_address(block, collection, inputs, by_field, kept, drafts)
    winner = _winner(answers, block, collection)
    rows, findings = numbered_rows(block, collection, inputs, winner, kept, drafts, Recall())
    return Made(tuple(rows), under_ids(findings))


def proposal(context: Context, cell: Cell, answers: Answers) -> Made:
    """What one pull request would make of a collection's entries."""
    block, collection = context.places[cell.key[0], cell.key[1]]
    repository_id, number = cell.key[2:]
    inputs = context.inputs(answers)
    evidence = inputs.mirrored.get(repository_id)
    if evidence is None:
        return NOTHING
    holds = is_selected(collection, repository_id, inputs)
    home = _home(answers, block, collection, repository_id)
    targets = Targets(inputs, AskedEntries(answers, block))
    winner = _winner(answers, block, collection)
    found = proposals_of(block, collection, evidence, number, holds, home, winner, targets, Recall())
    return Made(tuple(found))


def _home(answers: Answers, block: Block, collection: Collection, repository_id: int) -> Claim | None:
    """The entry whose document is in a repository."""
    rule = collection.document
    if rule is None:
        return None
    fact = "owner", block.name, collection.name, rule.repository_field, repository_id
    owner = next(iter(answers.said(fact)), None)
    return _winner(answers, block, collection)(str(owner)) if owner is not None else None


def _winner(answers: Answers, block: Block, collection: Collection) -> Winner:
    def winner(key: str) -> Claim | None:
        said = answers.said(("winner", block.name, collection.name, key))
        return cast("Claim | None", next(iter(said), None))

    return winner
