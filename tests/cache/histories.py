"""Any history of a forge, for properties: pushes good and bad, branches and pull requests that come and go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace
from worlds import LINK, MAIN, Forge, block, rfc, rfc_block

from cache.model import RepositoryEvidence
from cache.profile.block import Block
from cache.world import World

NOTES = """
format: 1
profile: notes
collections:
  notes:
    files: {repository: {owner: acme}, path: "notes/**/{slug}.md"}
    key: [slug]
    body: body
    fields: {score: {type: number}, near: {type: ref, to: notes}}
    pulls: [{repository: acme/one, head: "about/{slug}", kind: proposal}]
    revisions: {rule: pull_request}
"""
BLOCKS: tuple[Block, ...] = (rfc_block(), block(NOTES))
NAMES = ("acme/meta", "acme/one", "Acme/Two")

TEXT = st.text(max_size=30)
"""Anything that JSON and UTF-8 can carry: NULs, line breaks, marks that turn text round, characters beyond the BMP."""
PATHS = st.sampled_from(
    ["rfcs/a.md", "rfcs/b.md", "RFC.md", "notes/x/a.md", "notes/y/a.md", "notes/x/b.md",
     "audit/2026-01.jsonl", "README.md",
     b"rfcs/\xff.md".decode("utf-8", "surrogateescape"), "rfcs/\x1adcff.md", "rfcs/tab\t.md", "rfcs/\\xff.md"],
)  # fmt: skip
LABELS = st.sampled_from(["propose/a", "edit/a/b", "about/b", "claim/..", "work", "", "propose/a/b"]) | TEXT
LINE = '{"id": "%s", "action_kind": "x", "repo": "acme/one", "pr_number": 1, "on_behalf_of": "%s"}'
CONTENTS = (
    st.sampled_from([
        rfc("A"), rfc("B", "active", repo="acme/one"), rfc("C", "active", repo="acme/two"),
        rfc("D", "withdrawn", repo="acme/gone", owners="[ada, bob]"), rfc("E", "banana"), "---\nbroken: [\n---\n",
        "---\nscore: 1\nnear: a\n---\n", "---\nnear: b\n---\n", "---\nnear: b\n---\nOther words\n",
        "---\nscore: 1.0\nnear: nobody\n---\n", "", "\0",
        f"{LINE % (1, 'ada')}\nrubbish\n{LINE % (1, 'bob')}\n", LINE % (2, "cyd"),
        f"---\ntitle: big\nstate: idea\nnumber: {'9' * 400}\nfloat: 1e999\nyes: true\n---\n",
    ])
    | st.binary(max_size=40)
    | TEXT.map(lambda text: f"---\ntitle: x\nstate: idea\nextra: {text}\n---\n{text}".encode())
)  # fmt: skip
NUMBERS = st.sampled_from([1, 2, 3, 2**63 - 1])
HUBS = st.integers(1, len(NAMES))

FILES = st.dictionaries(PATHS, st.none() | CONTENTS, min_size=1, max_size=2)

EVENTS = st.one_of(
    st.tuples(st.just("push"), HUBS, st.dictionaries(PATHS, st.none() | CONTENTS, min_size=1, max_size=3), TEXT),
    st.tuples(st.just("link"), HUBS, PATHS, TEXT),
    st.tuples(st.just("branch"), HUBS, LABELS),
    st.tuples(st.just("lose branch"), HUBS, st.integers(0, 5)),
    st.tuples(st.just("raise"), HUBS, NUMBERS, LABELS, TEXT, st.sampled_from([1, 2, 3, 99, None])),
    st.tuples(st.just("merge"), HUBS, NUMBERS),
    st.tuples(st.just("lose pull"), HUBS, NUMBERS),
    st.tuples(st.just("lose object"), HUBS, TEXT),
    st.tuples(st.just("lose repository"), HUBS),
    st.tuples(st.just("rename"), HUBS, st.sampled_from(["meta", "one", "two", "other"])),
    st.tuples(st.just("head"), HUBS, NUMBERS, FILES, st.booleans()),
    st.tuples(st.just("head"), HUBS, NUMBERS, FILES, st.booleans()),
    st.tuples(st.just("withhold"), HUBS, st.booleans()),
)
BEGINNING: list[tuple[Any, ...]] = [
    ("push", 1, {"rfcs/a.md": rfc("A", "active", repo="acme/one"), "rfcs/b.md": rfc("B", repo="acme/two")}, "Begin"),
    ("branch", 2, "work"),
    ("raise", 2, 1, "work", "On-behalf-of: Ada <ada@example.org>", 2),
    ("raise", 1, 1, "propose/a", "On-behalf-of: bob@example.org", 1),
    ("head", 1, 1, {"rfcs/a.md": rfc("Proposed", "active", repo="acme/one")}, False),
    ("head", 2, 1, {"RFC.md": "# Proposed\n", "notes/x/a.md": "---\nnear: b\n---\n"}, False),
]
HISTORIES = st.builds(
    lambda begun, events: begun + events, st.sampled_from([BEGINNING, []]), st.lists(EVENTS, max_size=12)
)
"""Half of them begin with two entries that have repositories of their own, so that what follows meets something."""


def new_forge(blocks: Sequence[Block] = BLOCKS) -> Forge:
    """The forge before anything happened."""
    forge = Forge(*blocks)
    for name in NAMES:
        forge.repository(name)
    forge.people = {"ada@example.org": "ada", "bob@example.org": ""}
    return forge


def happen(forge: Forge, event: tuple[Any, ...]) -> None:
    """One event; one that cannot be, such as the merge of a pull request that is not there, is passed over."""
    what, hub, rest = event[0], forge.hubs.get(event[1]), event[2:]
    if hub is None:
        return
    if what == "push":
        changes = {p: c for p, c in rest[0].items() if c is not None or _there(hub.versions.get(p, ()))}
        if changes:
            hub.push(changes, rest[1], by=rest[1])
    elif what == "link":
        hub.push({rest[0]: rest[1]}, mode=LINK)
    elif what == "branch":
        hub.branch(rest[0])
    elif what == "lose branch":
        names = sorted(set(hub.branches) - {MAIN})
        if names:
            forge.delete_branch(hub, names[rest[0] % len(names)])
    elif what == "raise":
        number, label, body, head = rest
        hub.raise_pull(number, label, body=body, title=body, user="robot", head_repository_id=head, labels=(body,))
    elif what == "lose repository":
        forge.delete_repository(hub)
    elif what == "rename":
        hub.repository = replace(hub.repository, name=rest[0])
    elif what == "head":
        if rest[0] in hub.pulls:
            hub.push_head(rest[0], rest[1], forced=rest[2])
    elif what == "withhold":
        hub.withheld = set(hub.blobs) if rest[0] else set()
    elif what == "lose object":
        hub.unreadable[f"{len(hub.unreadable):040x}"] = rest[0]
    elif rest[0] in hub.pulls:
        if what == "merge":
            hub.merge(rest[0])
        else:
            forge.delete_pull(hub, rest[0])


def _there(versions: Sequence[Any]) -> bool:
    return bool(versions) and versions[-1].blob is not None


def told(history: Sequence[tuple[Any, ...]]) -> Forge:
    """The forge after a history."""
    forge = new_forge()
    for event in history:
        happen(forge, event)
    return forge


def sharing(old: World, new: World) -> World:
    """The new world with every part that did not change taken from the old one, as a reader of a forge leaves it."""

    def kept(fresh: Any, known: Any) -> Any:
        return known if fresh == known else fresh

    def evidence(fresh: RepositoryEvidence, known: RepositoryEvidence | None) -> RepositoryEvidence:
        if known is None:
            return fresh
        versions = {path: kept(v, known.versions.get(path)) for path, v in fresh.versions.items()}
        blobs = {key: kept(blob, known.blobs.get(key)) for key, blob in fresh.blobs.items()}
        pulls = {number: kept(pull, known.pulls.get(number)) for number, pull in fresh.pulls.items()}
        histories = {number: kept(history, known.histories.get(number)) for number, history in fresh.histories.items()}
        shared = replace(fresh, versions=versions, blobs=blobs, pulls=pulls, histories=histories)
        return known if shared == known else shared

    mirrored = {key: evidence(fresh, old.mirrored.get(key)) for key, fresh in new.mirrored.items()}
    return replace(new, mirrored=mirrored)
