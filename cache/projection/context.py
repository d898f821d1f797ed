"""What all cells are made with: the world that is asked, and the blocks that ask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from cache.profile.collection import Block, Collection
from cache.profile.fields import Within
from cache.projection.incremental import Answers, Fact
from cache.projection.inputs import RecordedInputs
from cache.projection.relations import ways_to
from cache.rows import FindingRow
from cache.world import KeyPlace, World


class Context:
    """One world, and blocks over it. `held` tells which repository held a key until now."""

    def __init__(self, world: World, blocks: Sequence[Block], held: Callable[[KeyPlace], int | None]) -> None:
        self._world = world
        self.held = held
        self.places: Mapping[tuple[str, str], tuple[Block, Collection]] = {
            (block.name, collection.name): (block, collection) for block in blocks for collection in block.collections
        }
        """Blocks and collections by their names."""
        self.ways = {block.name: _ways(block) for block in blocks}
        self.audited = {block.name: _audited(block) for block in blocks}
        """The collections whose entries name the people behind pull requests."""

    def inputs(self, answers: Answers) -> RecordedInputs:
        """The world, as one cell asks it."""
        return RecordedInputs(self._world, answers.asked.add)


def _audited(block: Block) -> frozenset[str]:
    return frozenset(step.collection for c in block.collections for step in c.actor if step.collection is not None)


def _ways(block: Block) -> Mapping[str, Sequence[tuple[str, Within]]]:
    """By what the entries of each collection are looked for within a block."""
    ways: dict[str, dict[tuple[str, Within], None]] = defaultdict(dict)
    for collection in block.collections:
        for field in collection.fields:
            one = field.of if field.type == "list" and field.of is not None else field
            if one.relation is not None:
                for target in one.relation.collections:
                    ways[target].update(dict.fromkeys(ways_to(one.relation)))
    return {name: tuple(found) for name, found in ways.items()}


def is_selected(collection: Collection, repository_id: int, inputs: RecordedInputs) -> bool:
    """Whether a collection takes its files from a repository. A single name is looked up as the forge would."""
    exact = collection.repository.full_name
    if exact is not None:
        return inputs.find(exact) == repository_id
    listed = inputs.listed.get(repository_id)
    return listed is not None and collection.repository.selects(listed)


def under_ids(findings: Iterable[FindingRow]) -> dict[Fact, object]:
    """Findings under their ids: several may have one, and are numbered then."""
    by_id: dict[Fact, list[FindingRow]] = defaultdict(list)
    for row in findings:
        by_id["finding", row.id].append(row)
    return {fact: tuple(rows) for fact, rows in by_id.items()}
