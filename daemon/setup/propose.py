"""From what was seen to the blocks of a configuration. Pure: the same sight gives the same proposal."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from cache.profile.infer import profile_name
from daemon.setup.shapes import DECISIONS, Passed, Shape, Sight, is_page, judge, shapes_of

__all__ = [
    "DECISIONS", "MOST_BLOCKS", "Proposal", "Shape", "Sight", "beyond", "for_profile", "is_page", "named", "numbers",
    "passed_over", "propose", "select", "shapes_of",
]  # fmt: skip

MOST_BLOCKS = 12
"""Blocks of one proposal."""
_CUTS = ("-", "_", ".")
LONGEST_KEY = 40
MOST_KEYS = 6
FEW_HOLDERS = 3
"""So many repositories are named one by one rather than by an owner most of whose repositories hold nothing."""
class Proposal(Struct, frozen=True):
    """A block: the profile, the block's own name where it needs one, its parameters, and why."""

    use: str
    name: str | None
    view_prefix: str
    parameters: Mapping[str, str]
    found: tuple[str, ...]
    """The repositories in which it was seen, by full name."""
    files: int
    keys: tuple[str, ...] = ()
    """The keys that front matter of the files looked at says, the most frequent first."""
    example: str = ""
    """The repository where it says most."""


def propose(sights: Iterable[Sight]) -> tuple[Proposal, ...]:
    """The blocks for everything that was seen: one for all repositories of an owner that hold the same."""
    return named(_drafts(sights)[:MOST_BLOCKS])


def beyond(sights: Iterable[Sight]) -> tuple[Proposal, ...]:
    """The blocks that are not proposed since there are so many."""
    return tuple(_drafts(sights)[MOST_BLOCKS:])


def passed_over(sights: Iterable[Sight]) -> tuple[Passed, ...]:
    """What nothing is proposed for, and why."""
    return tuple(sorted(passed for sight in sights for passed in judge(sight)[1]))


def _drafts(sights: Iterable[Sight]) -> list[Proposal]:
    seen = sorted(sights, key=lambda sight: sight.full_name.lower())
    holding: dict[tuple[str, Shape], list[tuple[Sight, int]]] = defaultdict(list)
    for sight in seen:
        for shape, files in shapes_of(sight).items():
            # the profile `rfc` is about one meta repository, and cannot be spread over several
            place = sight.full_name if shape.use == "rfc" else sight.owner
            holding[place, shape].append((sight, files))
    drafts = []
    for (place, shape), members in holding.items():
        siblings = [sight for sight in seen if sight.owner == place]
        for chosen, holders in _selections(shape, place, [sight for sight, _ in members], siblings):
            files = sum(count for sight, count in members if sight in holders)
            drafts.append(_draft(shape, chosen, holders, files))
    drafts.sort(key=lambda draft: (-len(draft.found), -draft.files, draft.use, sorted(draft.parameters.items())))
    return drafts


def select(holders: Sequence[Sight], siblings: Sequence[Sight]) -> dict[str, str] | None:
    """The parameters that choose `holders` among an owner's repositories: one by its name; where most of them hold
    it, or many do, the owner; else a topic or a glob that fits exactly them. None where nothing does: then each has
    to be named.
    """
    if len(holders) == 1:
        return {"repository": holders[0].full_name}
    chosen = {"owner": holders[0].owner}
    others = [sight for sight in siblings if sight not in holders]
    if len(holders) >= len(others):
        return chosen
    topics = set.intersection(*(set(sight.topics) for sight in holders))
    topics -= {topic for sight in others for topic in sight.topics}
    if topics:
        return {**chosen, "topic": min(topics)}
    glob = _glob([sight.name for sight in holders], [sight.name for sight in others])
    if glob:
        return {**chosen, "repositories": glob}
    return chosen if len(holders) > FEW_HOLDERS else None


def _selections(
    shape: Shape, place: str, holders: Sequence[Sight], siblings: Sequence[Sight]
) -> list[tuple[dict[str, str], Sequence[Sight]]]:
    """How to choose the holders of a shape, and which of them each way chooses."""
    if shape.use == "rfc":
        return [({"meta": place}, holders)]
    if shape.use == "adr":  # it finds nothing where no records are, and next month's records must not be missed
        return [({"owner": place}, holders)]
    path = {"path": shape.folder} if shape.folder else {}
    chosen = select(holders, siblings)
    if chosen is not None:
        return [({**chosen, **path}, holders)]
    return [({"repository": sight.full_name, **path}, [sight]) for sight in holders]


def _draft(shape: Shape, parameters: Mapping[str, str], holders: Sequence[Sight], files: int) -> Proposal:
    said = [(sight, _said(shape, sight)) for sight in holders] if shape.use == "markdown" else []
    counts: Counter[str] = Counter()
    for _, one in said:
        counts += one
    keys = sorted(counts, key=lambda key: (-counts[key], key))[:MOST_KEYS]
    example = max(said, key=lambda pair: pair[1].total())[0].full_name if keys else ""
    names = tuple(sight.full_name for sight in holders)
    return Proposal(shape.use, None, "", parameters, names, files, tuple(keys), example)


def named(drafts: Sequence[Proposal]) -> tuple[Proposal, ...]:
    """The same blocks, each with a name of its own where one profile stands in several, and a prefix for its views."""
    uses = Counter(draft.use for draft in drafts)
    taken: set[str] = {draft.use for draft in drafts}
    result = []
    for draft in drafts:
        if uses[draft.use] == 1:
            result.append(draft)
            continue
        words = [profile_name(word) for word in _words(draft)]
        name = next((word for word in words if word not in taken), None) or _numbered(words[-1], taken)
        taken.add(name)
        prefix = re.sub(r"[^a-z0-9_]", "_", name)[:29] + "_"
        result.append(replace(draft, name=name, view_prefix=prefix if prefix[0] not in "0123456789" else f"v{prefix}"))
    return tuple(result)


def for_profile(use: str, owners: Sequence[str]) -> tuple[Proposal, ...]:
    """Blocks of a profile that is asked for by name where nothing was found for it: one for each owner."""
    return named([Proposal(use, None, "", {"owner": owner}, (), 0) for owner in owners])


def numbers(text: str, most: int) -> tuple[int, ...] | None:
    """Which of so many blocks a person picked: "all", or numbers from 1 with commas; None for anything else."""
    if text.strip().lower() in ("", "all"):
        return tuple(range(1, most + 1))
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 4 and 1 <= int(part) <= most for part in parts):
        return None
    return tuple(dict.fromkeys(int(part) for part in parts))


def _said(shape: Shape, sight: Sight) -> Counter[str]:
    """What front matter says beside a title, and how often: the reason for a profile of one's own."""
    start = f"{shape.folder}/" if shape.folder else ""
    return Counter(
        key
        for file in sight.samples
        if file.path.startswith(start) and file.data is not None
        for key in file.data.pairs
        if key != "title" and len(key) <= LONGEST_KEY and key.isprintable()
    )


def _glob(names: Sequence[str], others: Sequence[str]) -> str | None:
    """`docs-*` or `*-docs` where exactly these names fit it."""
    lower, rest = [name.lower() for name in names], [name.lower() for name in others]
    head = _common(lower)
    cut = max(head.rfind(mark) for mark in _CUTS) + 1
    if cut > 1 and not any(name.startswith(head[:cut]) for name in rest):
        return f"{names[0][:cut]}*"
    tail = _common([name[::-1] for name in lower])[::-1]
    cut = min((at for mark in _CUTS if (at := tail.find(mark)) >= 0), default=-1)
    if cut >= 0 and len(tail) - cut > 1 and not any(name.endswith(tail[cut:]) for name in rest):
        return f"*{tail[cut:]}"
    return None


def _common(names: Sequence[str]) -> str:
    first, last = min(names), max(names)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:length]


def _words(draft: Proposal) -> list[str]:
    """Names for a block, the shortest first."""
    parameters = draft.parameters
    repository = parameters.get("repository", parameters.get("meta", ""))
    parts = [parameters.get(key, "") for key in ("topic", "repositories", "path")]
    rest = "-".join(part for part in parts if part)
    owner = parameters.get("owner", "")
    if repository:
        name = repository.partition("/")[2]
        words = [name, f"{name}-{rest}", repository, f"{repository}-{rest}"] if rest else [name, repository]
    else:
        words = [f"{_stem(draft.use)}-{rest}", f"{_stem(draft.use)}-{owner}-{rest}"] if rest else []
        words = words or [f"{_stem(draft.use)}-{owner}" if owner else _stem(draft.use)]
    return words


def _stem(use: str) -> str:
    """The name of a profile that may be a file's path."""
    return use.rpartition("/")[2].removesuffix(".yaml").removesuffix(".yml")


def _numbered(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name[:58]}-{number}" in taken:
        number += 1
    return f"{name[:58]}-{number}"
