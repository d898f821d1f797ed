"""Pull requests: their state, and their place in collections by branch name or by the repository they are in."""

from __future__ import annotations

import pytest
from worlds import Forge, block, rfc

from cache.rows import PullEntryRow


def test_a_merge_that_deletes_its_branch_keeps_kind_and_key() -> None:
    """Guards: `head.ref` becoming `refs/pull/N/head`, so that a merged pull request stayed open for ever."""
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.branch("propose/one")
    meta.raise_pull(1, "propose/one")
    meta.merge(1)
    rows = forge.rows()
    assert (rows.pull(1).state, rows.pull(1).head_branch) == ("merged", "propose/one")
    assert (rows.place(1).kind, rows.place(1).key) == ("idea", "one")


@pytest.mark.parametrize(
    ("label", "kind", "key"),
    [
        ("propose/one", "idea", "one"),
        ("edit/one/typo", "meta_body_edit", "one"),
        ("edit/one/deep/er", "meta_body_edit", "one"),
        ("claim/one", "meta_claim", "one"),
        ("metadata/one", "meta_metadata", "one"),
    ],
)
def test_the_branch_name_tells_kind_and_key(label: str, kind: str, key: str) -> None:
    forge = Forge()
    forge.repository("acme/meta").raise_pull(1, label)
    assert (forge.rows().place(1).kind, forge.rows().place(1).key) == (kind, key)


@pytest.mark.parametrize(
    "label",
    ["", "propose/", "propose", "claim/../x", "claim/x/y", "propose/..", "propose/a\nb", "other/x", "/propose/x"],
)
def test_odd_names_have_no_place_and_the_pull_request_is_still_there(label: str) -> None:
    """Guards: empty, nested and `..` slugs taken for keys. AGit pull requests have an empty label."""
    forge = Forge()
    forge.repository("acme/meta").raise_pull(1, label)
    assert forge.rows().places(1) == []
    assert forge.rows().pull(1).head_branch == label


@pytest.mark.parametrize("head", [99, None], ids=["a fork", "a fork that was deleted"])
def test_a_fork_cannot_claim_by_naming_its_branch(head: int | None) -> None:
    forge = Forge()
    forge.repository("acme/meta").raise_pull(1, "claim/one", head_repository_id=head)
    assert forge.rows().places(1) == []
    assert forge.rows().pull(1).from_fork


def test_a_rule_may_let_forks_in() -> None:
    text = """
    format: 1
    profile: open
    collections:
      docs:
        files: {repository: acme/meta, path: "docs/{slug}.md"}
        key: [slug]
        pulls: [{repository: acme/meta, head: "docs/{slug}", kind: edit, forks: true}]
    """
    forge = Forge(block(text))
    forge.repository("acme/meta").raise_pull(1, "docs/one", head_repository_id=99)
    assert forge.rows().place(1).kind == "edit"


def test_every_pull_request_of_an_entrys_own_repository_is_its() -> None:
    forge = Forge()
    forge.repository("acme/meta").push({"rfcs/one.md": rfc(repo="Acme/One")})
    own = forge.repository("acme/one")
    own.raise_pull(1, "any/branch")
    assert (forge.rows().place(1, own.id).kind, forge.rows().place(1, own.id).key) == ("rfc_branch", "one")


def test_of_two_entries_that_name_one_repository_the_first_to_land_has_its_pull_requests() -> None:
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.push({"rfcs/zed.md": rfc(repo="acme/one")})
    meta.push({"rfcs/abc.md": rfc(repo="acme/one")})
    own = forge.repository("acme/one")
    own.raise_pull(1, "x")
    assert [place.key for place in forge.rows().places(1, own.id)] == ["zed"]


def test_withdrawing_an_entry_lets_its_pull_requests_finish() -> None:
    """Guards: pull requests of withdrawn entries that froze as open."""
    forge = Forge()
    meta, own = forge.repository("acme/meta"), forge.repository("acme/one")
    meta.push({"rfcs/one.md": rfc(state="active", repo="acme/one")})
    own.raise_pull(1, "x")
    meta.push({"rfcs/one.md": rfc(state="withdrawn", repo="acme/one")})
    own.merge(1)
    assert forge.rows().pull(1, own.id).state == "merged"
    assert forge.rows().place(1, own.id).key == "one"


def test_retargeting_and_reopening_are_shown() -> None:
    """Guards: a base that was stored once and never again."""
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.raise_pull(1, "propose/one")
    meta.change_pull(1, state="closed", base_ref="next")
    assert (forge.rows().pull(1).state, forge.rows().pull(1).base_branch) == ("closed", "next")
    meta.change_pull(1, state="open", draft=True)
    assert (forge.rows().pull(1).state, forge.rows().pull(1).draft) == ("open", True)


def test_a_pull_request_that_is_gone_keeps_its_row_and_place() -> None:
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.raise_pull(1, "propose/one", title="Kept")
    forge.delete_pull(meta, 1)
    row = forge.rows().pull(1)
    assert (row.gone, row.state, row.title, row.head_sha is not None) == (True, "closed", "Kept", True)
    assert forge.rows().place(1).key == "one"


def test_a_pull_request_seen_again_is_not_gone() -> None:
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.raise_pull(1, "propose/one")
    forge.delete_pull(meta, 1)
    meta.raise_pull(1, "propose/one")
    assert not forge.rows().pull(1).gone


def test_the_head_is_the_ref_that_the_forge_keeps_and_not_the_branch() -> None:
    """A branch may go on after the merge, and a fork's number names another commit there."""
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.raise_pull(1, "propose/one")
    meta.branch("propose/one")
    assert forge.rows().pull(1).head_sha == meta.pull_heads[1] != meta.branches["propose/one"]


def test_one_pull_request_may_have_a_place_in_several_collections_and_many_fit() -> None:
    forge = Forge()
    meta = forge.repository("acme/meta")
    for number in range(1, 121):
        meta.raise_pull(number, f"propose/n{number}")
    assert len(forge.rows().all(PullEntryRow)) == 120


TWO_HOMES = """
format: 1
profile: two
collections:
  things:
    files: {repository: acme/meta, path: "things/{slug}.md"}
    key: [slug]
    fields: {site: {type: repository}, tools: {type: repository}}
    branches: {repository: "{field.site}"}
    pulls:
      - {repository: "{field.tools}", kind: tools}
"""


def test_a_rule_speaks_of_the_repository_that_its_own_field_names() -> None:
    forge = Forge(block(TWO_HOMES))
    forge.repository("acme/meta").push({"things/one.md": "---\nsite: acme/site\ntools: acme/tools\n---\n"})
    site, tools = forge.repository("acme/site"), forge.repository("acme/tools")
    for hub in (site, tools):
        hub.branch("x")
        hub.raise_pull(1, "x")
    rows = forge.rows()
    assert (rows.places(1, site.id), rows.place(1, tools.id).kind) == ([], "tools")
    assert {row.repository_id for row in rows.branches("one").values()} == {site.id}
