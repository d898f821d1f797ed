"""The `directives` profile, and the rules of revisions that a profile can choose."""

from __future__ import annotations

from textwrap import dedent

import pytest

from cache.profile.block import ProfileError, bind, load_profile
from cache.profile.collection import RevisionsRule
from cache.profile.loader import read_profile

PROFILE = """\
    format: 1
    profile: sample
    parameters:
      how: {type: string%s}
    collections:
      docs:
        files: {repository: a/b, path: "%s"}
        key: [id]
        fields: {pr_url: {type: url}}
        revisions: {%s}
    """


def told(default: str, path: str, rule: str) -> list[str]:
    """The rules of the mistakes in a profile."""
    try:
        read_profile(dedent(PROFILE % (default, path, rule)))
    except ProfileError as error:
        return [problem.rule for problem in error.problems]
    return []


def test_a_block_chooses_how_versions_come_to_be() -> None:
    rules = []
    for chosen in ({}, {"rule": "field"}, {"rule": "pull_request"}):
        block = bind(load_profile("directives"), parameters={"repository": "acme/plans", **chosen})
        rules.append(block.collection("directives").revisions)
    by_field = RevisionsRule("field", "pr_url")
    assert rules == [by_field, by_field, RevisionsRule("pull_request")]


def test_a_rule_that_there_is_not_is_a_mistake_of_the_block() -> None:
    with pytest.raises(ProfileError, match="pull_request or field") as caught:
        bind(load_profile("directives"), parameters={"repository": "acme/plans", "rule": "pull-request"})
    assert [problem.rule for problem in caught.value.problems] == ["bad-parameter"]


@pytest.mark.parametrize(
    ("default", "path", "rule", "mistakes"),
    [
        (", default: field", "{id}.md", 'rule: "{param.how}", field: pr_url', []),
        ("", "{id}.md", "rule: pull_request", []),
        ("", "{id}.md", 'rule: "{param.how}", field: pr_url', ["wrong-value"]),
        (", default: other", "{id}.md", 'rule: "{param.how}", field: pr_url', ["wrong-value"]),
        (", default: field", "{id}.md", 'rule: "{param.who}", field: pr_url', ["unknown-parameter"]),
        (", default: field", "{id}.md", 'rule: "{param.how}"', ["unknown-field"]),
        ("", "{id}.md", "rule: pull_request, field: pr_url", ["wrong-value"]),
        ("", "{id}.md", "rule: pulls", ["wrong-value"]),
        ("", "{month}.jsonl", "rule: pull_request", ["wrong-value"]),
    ],
)
def test_a_rule_needs_what_it_goes_by(default: str, path: str, rule: str, mistakes: list[str]) -> None:
    assert told(default, path, rule) == mistakes
