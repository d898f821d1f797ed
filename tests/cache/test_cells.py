"""Cells come to the same rows as the projection of the whole, whatever happened, and cost what changed."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from histories import BLOCKS, HISTORIES, happen, new_forge, sharing
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from worlds import MAIN, Forge, block

from cache.model import KeptRevision
from cache.profile.block import Block
from cache.projection.cells import Cells
from cache.projection.field_rule import KeptKey
from cache.projection.incremental import InMemory, Update, update
from cache.projection.inputs import touched
from cache.projection.laying import published
from cache.projection.project import nobody_before, project
from cache.projection.revisions import kept_key_of
from cache.revision_rows import ProposalRow, RevisionRow
from cache.row import Row
from cache.rows import BranchRow, EntryRow, FindingRow, HistoryRow, PullEntryRow, PullRow, RelationRow
from cache.world import World

SOAK = settings.get_current_profile_name() == "soak"
"""Other histories each time; else always the same, which follow from the tests' names."""
OWNED = (EntryRow, RelationRow, HistoryRow, BranchRow, PullRow, PullEntryRow, RevisionRow, ProposalRow)

WEB = block("""
format: 1
profile: web
collections:
  pages:
    files: {repository: {owner: acme, topic: web}, path: "p/**/{slug}.md"}
    key: [slug]
    body: body
    fields:
      title: {type: string}
      n: {type: integer}
      near: {type: ref, to: pages}
      many: {type: list, of: {type: ref, to: [lines, pages]}}
      link: {type: ref, to: pages, match: [path, n], within: folder}
      far: {type: ref, to: pages, match: n}
      repo: {type: repository}
      home: {type: repository}
    document: {when: {title: told}, repository: "{field.repo}", path: RFC.md}
    branches: {repository: "{field.home}"}
    pulls:
      - {repository: acme/one, head: "about/{slug}", kind: proposal}
      - {repository: "{field.home}", kind: work}
    actor: [{audit: lines}, {trailer: On-behalf-of}, opener]
    revisions: {rule: pull_request}
  lines:
    files: {repository: acme/one, path: "l/{month}.jsonl"}
    format: jsonl
    key: [id]
    fields:
      id: {type: string, required: true}
      near: {type: ref, to: pages}
      repo: {type: repository}
      pr_number: {type: integer}
      on_behalf_of: {type: string}
    branches: {repository: "{field.repo}"}
  orders:
    files: {repository: {owner: acme}, path: "o/{slug}.md"}
    key: [slug]
    body: body
    fields: {pr_url: {type: url}}
    revisions: {rule: field, field: pr_url}
""")
WEB = replace(WEB, forge=("https://forge.example",))


class Projected:
    """Rows that cells keep."""

    def __init__(self, *blocks: Block) -> None:
        self._blocks, self._kept, self._world = blocks, InMemory(), World()
        self.rows: dict[tuple[type[Row], Any], Row] = {}

    def follow(self, world: World) -> Update:
        """Bring the rows up to another world."""
        cells = Cells(world, self._blocks, nobody_before)
        done = update(self._kept, touched(self._world, world), cells.make, cells.concerned)
        self._world = world
        for change in done.changes:
            place = change.kind, change.key
            assert self.rows.get(place) == change.before
            if change.after is None:
                del self.rows[place]
            else:
                self.rows[place] = change.after
        return done

    def compare(self, world: World) -> None:
        """These rows beside those of the whole."""
        whole = project(world, self._blocks)
        for kind in OWNED:
            assert self.of(kind) == whole[kind], kind.table
        findings = cast("dict[str, FindingRow]", whole[FindingRow])
        assert self.of(FindingRow) == findings

    def of(self, kind: type[Row]) -> dict[Any, Row]:
        return {key: row for (of_kind, key), row in self.rows.items() if of_kind is kind}


@settings(derandomize=not SOAK)
@given(HISTORIES)
def test_cells_come_to_the_rows_of_the_whole(history: list[tuple[Any, ...]]) -> None:
    """Whatever a forge holds, hostile text and names too."""
    forge, projected, world = new_forge(), Projected(*BLOCKS), World()
    for event in history:
        happen(forge, event)
        world = sharing(world, forge.world())
        projected.follow(world)
        projected.compare(world)


# ------------------------------------------------------------------------------- a small web where everything refers

NAMES = ("one", "two", "three")
KEYS = ("a", "b", "c")
PAGED = [f"p/{folder}{key}.md" for folder in ("", "x/") for key in KEYS]
PATHS = [*PAGED, "l/1.jsonl", "l/2.jsonl", "RFC.md", "o/a.md", "o/b.md"]
REPOSITORIES = st.sampled_from([*(f"acme/{name}" for name in NAMES), "acme/other", "zed/far"])
PEOPLE = st.sampled_from(["ada", "bob", "Ada <ada@example.org>", "cyd@example.org"])
PAGES = st.fixed_dictionaries({}, optional={
    "title": st.sampled_from(["told", "other"]), "n": st.integers(1, 2), "near": st.sampled_from(KEYS),
    "many": st.lists(st.sampled_from([*KEYS, "d"]), max_size=2), "repo": REPOSITORIES, "home": REPOSITORIES,
    "far": st.integers(1, 2), "link": st.sampled_from(["a.md", "x/b.md", "../p/c.md", "1", "2"]),
})  # fmt: skip
ORDERS = st.tuples(st.sampled_from([*NAMES, "other"]), st.integers(1, 2), st.sampled_from(["x", "y"])).map(
    lambda it: f"---\npr_url: https://forge.example/acme/{it[0]}/pulls/{it[1]}\n---\n{it[2]}\n"
)
LINES = st.lists(
    st.tuples(st.sampled_from([*KEYS, "d"]), st.sampled_from(KEYS), REPOSITORIES, st.integers(1, 2), PEOPLE)
    | st.just("rubbish"), max_size=3,
)  # fmt: skip


def page(fields: dict[str, Any]) -> str:
    shown = (f"{name}: [{', '.join(said)}]" if name == "many" else f"{name}: {said}" for name, said in fields.items())
    return "\n".join(["---", *shown, "---", "Words.\n"])


def lines(of: list[Any]) -> str:
    names = ("id", "near", "repo", "pr_number", "on_behalf_of")
    shown = (one if isinstance(one, str) else json.dumps(dict(zip(names, one, strict=True))) for one in of)
    return "\n".join(shown) + "\n"


CONTENTS = st.sampled_from(PATHS).flatmap(
    lambda path: st.tuples(
        st.just(path),
        st.none() | (
            LINES.map(lines) if path.endswith("jsonl")
            else ORDERS if path.startswith("o/")
            else PAGES.map(page) | st.just("---\nn: [\n---\n")
        ),
    )
)
HUBS = st.integers(1, len(NAMES))
STEPS = st.one_of(
    st.tuples(st.just("push"), HUBS, st.lists(CONTENTS, min_size=1, max_size=3).map(dict)),
    st.tuples(st.just("push"), HUBS, st.lists(CONTENTS, min_size=1, max_size=3).map(dict)),
    st.tuples(st.just("name"), HUBS, st.sampled_from([*NAMES, "other"])),
    st.tuples(st.just("private"), HUBS, st.booleans()),
    st.tuples(st.just("topics"), HUBS, st.sampled_from([(), ("web",)])),
    st.tuples(st.just("describe"), HUBS, st.sampled_from(["", "words"])),
    st.tuples(st.just("branch"), HUBS, st.sampled_from(["x", "y"])),
    st.tuples(st.just("lose branch"), HUBS, st.sampled_from(["x", "y"])),
    st.tuples(st.just("lose"), HUBS),
    st.tuples(st.just("default"), HUBS, st.sampled_from([MAIN, "x"])),
    st.tuples(st.just("blobs"), HUBS, st.booleans()),
    st.tuples(st.just("raise"), HUBS, st.tuples(st.integers(1, 2), st.sampled_from(["about/a", "about/d", "x"]))),
    st.tuples(st.just("head"), HUBS, st.tuples(st.integers(1, 2), CONTENTS, st.booleans())),
    st.tuples(st.just("merge"), HUBS, st.integers(1, 2)),
    st.tuples(st.just("close"), HUBS, st.integers(1, 2)),
    st.tuples(st.just("lose pull"), HUBS, st.integers(1, 2)),
    st.tuples(st.just("person"), HUBS, st.sampled_from(["", "ada", "zoe"])),
    st.tuples(st.just("alias"), HUBS, st.sampled_from([*NAMES, "other"])),
    st.tuples(st.just("listed"), HUBS, st.booleans()),
)


class Web:
    """Three repositories and what becomes of them."""

    def __init__(self) -> None:
        self.forge = Forge(WEB)
        for name in NAMES:
            self.forge.repository(f"acme/{name}", topics=("web",))
        self.kept: dict[str, dict[KeptKey, KeptRevision]] = {"pages": {}, "orders": {}}
        """What was published of revisions."""
        self.without: set[int] = set()
        """Repositories whose blobs are not at hand."""

    def happen(self, what: str, number: int, value: Any = None) -> None:
        hub = self.forge.hubs.get(number)
        if hub is None:
            return
        if what == "push":
            files = {path: text for path, text in value.items() if text is not None or self._there(number, path)}
            if files:
                hub.push(files)
        elif what in ("name", "private", "topics", "describe"):
            column = "description" if what == "describe" else what
            hub.repository = replace(hub.repository, **{column: value})
        elif what == "branch":
            hub.branch(value)
        elif what == "default":
            hub.default = value
        elif what == "lose branch":
            if value in hub.branches and value != MAIN:
                self.forge.delete_branch(hub, value)
        elif what == "lose":
            self.forge.delete_repository(hub)
        elif what == "blobs":
            (self.without.add if value else self.without.discard)(number)
        elif what == "raise":
            hub.raise_pull(value[0], value[1], user="bob", body="On-behalf-of: cyd@example.org")
        elif what == "head":
            number_of, (path, text), forced = value
            if number_of in hub.pulls:
                hub.push_head(number_of, {path: text}, forced=forced)
        elif what == "merge":
            if value in hub.pulls:
                hub.merge(value)
        elif what == "close":
            if value in hub.pulls:
                hub.change_pull(value, state="closed")
        elif what == "lose pull":
            if value in hub.pulls:
                self.forge.delete_pull(hub, value)
        elif what == "person":
            self.forge.people["ada@example.org"] = value
        elif what == "alias":
            self.forge.aliases[f"acme/{value}"] = number
        else:
            self.forge.complete = value

    def _there(self, number: int, path: str) -> bool:
        versions = self.forge.hubs[number].versions.get(path, ())
        return bool(versions) and versions[-1].blob is not None

    def world(self, before: World) -> World:
        world = self.forge.world()
        mirrored = {k: replace(e, blobs={}) if k in self.without else e for k, e in world.mirrored.items()}
        kept = {("web", name): dict(of_it) for name, of_it in self.kept.items()}
        tombstones = replace(world.tombstones, revisions=kept)
        return sharing(before, replace(world, mirrored=mirrored, tombstones=tombstones))

    def publish(self, rows: dict[Any, Row]) -> None:
        """Keep what revisions say now, as the daemon does before it publishes them."""
        for row in rows.values():
            assert isinstance(row, RevisionRow)
            one = published(row, kept_key_of(WEB.collection(row.collection), row))
            self.kept[row.collection][one.key, one.repository_id, one.number] = one


BEGINNING: list[tuple[Any, ...]] = [
    ("push", 1, {
        "p/a.md": page({"near": "b", "many": ["c", "d"], "repo": "acme/two", "home": "acme/three", "title": "told"}),
        "p/b.md": page({"n": 1, "link": "a.md", "repo": "acme/other", "home": "acme/other", "title": "told"}),
        "l/1.jsonl": lines([("d", "a", "acme/three", 1, "ada")]),
    }),
    ("push", 2, {"RFC.md": "# Told\n", "p/c.md": page({"far": 1, "near": "a", "repo": "zed/far"})}),
    ("branch", 3, "x"),
    ("raise", 3, (1, "x")),
    ("raise", 1, (1, "about/a")),
    ("head", 1, (1, ("p/a.md", page({"near": "c", "repo": "acme/two", "title": "told"})), False)),
    ("raise", 2, (1, "about/c")),
    ("head", 2, (1, ("RFC.md", "# Proposed\n"), False)),
    ("push", 1, {"o/a.md": "---\npr_url: https://forge.example/acme/two/pulls/1\n---\nx\n"}),
    ("push", 2, {"o/a.md": "---\npr_url: https://forge.example/acme/other/pulls/1\n---\ny\n"}),
]  # fmt: skip


@settings(derandomize=not SOAK)
@example([("lose", 1), ("push", 2, {"p/a.md": None}), ("alias", 2, "one"), ("lose", 2)])  # a name that goes back
@given(st.lists(STEPS, min_size=1, max_size=12))
def test_cells_follow_a_web_in_which_everything_refers_to_everything(steps: list[tuple[Any, ...]]) -> None:
    """Keys that move, names that change, documents, links by path and by field, what is there and what is broken."""
    web, projected, world = Web(), Projected(WEB), World()
    for step in (*BEGINNING, *steps):
        web.happen(*step)
        world = web.world(world)
        projected.follow(world)
        projected.compare(world)
        web.publish(projected.of(RevisionRow))


@pytest.mark.parametrize("change", [{"title": "another"}, {"n": 7}])
def test_what_a_change_costs_does_not_grow_with_what_is_kept(change: dict[str, Any]) -> None:
    """Nor with how many entries refer to the one that changed: they asked only whether it is there."""
    costs = []
    for number in (10, 100):
        web, projected = Web(), Projected(WEB)
        pages = {f"p/{each}.md": page({"near": "hub", "n": each + 10}) for each in range(number)}
        web.happen("push", 1, {"p/hub.md": page({"title": "hub", "n": 1}), **pages})
        before = web.world(World())
        projected.follow(before)
        web.happen("push", 1, {"p/hub.md": page({"title": "hub", "n": 1, **change})})
        costs.append(projected.follow(web.world(before)).work)
    assert costs[0] == costs[1]
    assert costs[0].rows == 2, "the entry and its history"
