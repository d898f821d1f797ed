"""The `rfc` profile: the names and columns that its users' own SQL relies on, and whom branches belong to."""

from __future__ import annotations

import pytest

from cache.profile.block import Block
from cache.profile.rules import RULES

COLUMNS = {
    "cached_rfcs": "slug title state rfc_id repo proposed_by proposed_at graduated_at graduated_by owners_json"
    " arbiters_json tags_json body body_sha last_entry_commit_at last_main_commit_at updated_at",
    "cached_branches": "rfc_slug branch_name head_sha state last_commit_at",
    "cached_prs": "repo pr_number rfc_slug pr_kind title description state opened_by opened_at merged_at closed_at"
    " head_branch base_branch head_sha",
}


def test_views_have_the_columns_their_users_expect(rfc: Block) -> None:
    assert {view.name: " ".join(column.name for column in view.columns) for view in rfc.views} == COLUMNS
    assert [(view.rows, view.collection) for view in rfc.views] == [
        ("entries", "rfcs"),
        ("branches", "rfcs"),
        ("pulls", "rfcs"),
    ]


def test_columns_say_where_they_come_from(rfc: Block) -> None:
    sources = {column.name: (column.source, column.json) for column in rfc.views[0].columns}
    assert sources["slug"] == ("key.slug", False)
    assert sources["rfc_id"] == ("field.id", False)
    assert sources["tags_json"] == ("field.tags", True)
    assert sources["body"] == ("body", False)


@pytest.mark.parametrize(
    ("branch", "kind"),
    [
        ("propose/cold-start", "idea"),
        ("edit/cold-start/typo", "meta_body_edit"),
        ("claim/cold-start", "meta_claim"),
        ("metadata/cold-start", "meta_metadata"),
        ("wip/x", None),
        ("edit/cold-start", None),
        ("propose/", None),
        ("claim/../x", None),
    ],
)
def test_a_branch_of_the_meta_repository_says_what_it_is_for(rfc: Block, branch: str, kind: str | None) -> None:
    rules = [rule for rule in rfc.collection("rfcs").pulls if rule.repository and rule.head and rule.head.match(branch)]
    assert [rule.kind for rule in rules] == ([kind] if kind else [])


def test_pull_requests_from_forks_never_count(rfc: Block) -> None:
    """Anybody may call a branch of their fork `claim/x`."""
    assert not any(rule.forks for rule in rfc.collection("rfcs").pulls)


@pytest.mark.parametrize("path", ["rfcs/README.txt", "rfcs/sub/deep.md", "audit/a.md", "README.md"])
def test_what_is_no_request_is_left_alone(rfc: Block, path: str) -> None:
    assert all(collection.pattern.match(path) is None for collection in rfc.collections)


def test_every_rule_says_what_to_do() -> None:
    """A finding without a remedy is a complaint."""
    for name, rule in RULES.items():
        assert (rule.id, rule.summary[-1], rule.remedy[-1]) == (name, ".", ".")
        assert name == name.lower()
