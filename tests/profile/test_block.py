"""Binding a profile to the parameters of a configuration."""

from __future__ import annotations

from typing import Any

import pytest

from cache.model import Repository
from cache.profile.block import Block, bind, load_profile
from cache.profile.collection import ActorStep, DocumentRule, PullRule, RepositorySelector, RevisionsRule, unlike
from cache.profile.loader import read_profile
from cache.profile.patterns import HeadPattern
from cache.profile.problems import ProfileError

GIVEN = {"meta": "acme/meta", "bot": "robot"}


def wrong(**given: Any) -> list[tuple[str, str]]:
    """What is wrong with binding `rfc` so: rules and messages."""
    with pytest.raises(ProfileError) as caught:
        bind(load_profile("rfc"), **given)
    return [(problem.rule, problem.message) for problem in caught.value.problems]


def test_parameters_are_filled_in(rfc: Block) -> None:
    rfcs = rfc.collection("rfcs")
    assert (rfc.name, rfc.profile, rfc.bot, rfc.parameters) == ("rfc", "rfc", "robot", GIVEN)
    assert rfcs.repository == RepositorySelector(full_name="acme/meta")
    assert rfcs.document == DocumentRule({"state": "active"}, "repo", "RFC.md")
    assert rfcs.branches is not None
    assert rfcs.branches.repository_field == "repo"
    assert rfcs.revisions == RevisionsRule("pull_request")
    assert rfcs.pulls[0] == PullRule("idea", repository="acme/meta", head=HeadPattern.parse("propose/{slug}"))
    assert rfcs.pulls[-1] == PullRule("rfc_branch", field="repo")
    assert rfcs.actor == (
        ActorStep("opener"),
        ActorStep("audit", collection="actions"),
        ActorStep("trailer", name="On-behalf-of"),
        ActorStep("bot", name="bot"),
    )


def test_a_block_may_have_a_name_and_a_prefix_of_its_own() -> None:
    block = bind(load_profile("rfc"), "team-a", "a_", {"meta": "acme/meta"})
    assert (block.name, block.view_prefix, block.bot) == ("team-a", "a_", None)
    assert {collection.block for collection in block.collections} == {"team-a"}


def test_every_mistake_in_the_parameters_is_told_at_once() -> None:
    found = wrong(name="status", view_prefix="a-b", parameters={"meta": "meta", "bott": "x", "bot": 7})
    assert sorted(rule for rule, _ in found) == [
        "bad-name", "bad-parameter", "bad-parameter", "reserved-name", "unknown-parameter",
    ]  # fmt: skip
    assert any("'bott'; did you mean 'bot'?" in message for _, message in found)


def test_a_missing_required_parameter_is_named() -> None:
    assert wrong() == [
        ("bad-parameter", "The parameter 'meta' is required (repository); add it to the block."),
    ]


@pytest.mark.parametrize("name", ["", "Team", "a b", "a/b", "findings", "openapi.json", "x" * 64])
def test_a_block_name_is_part_of_addresses(name: str) -> None:
    with pytest.raises(ProfileError):
        bind(load_profile("rfc"), name, parameters=GIVEN)


def test_the_fingerprint_changes_with_what_changes_rows_only(rfc: Block) -> None:
    """A new description must not project a million entries anew; a new type of a field must."""
    text = (
        "format: 1\nprofile: s\ncollections:\n  docs:\n    key: [slug]\n"
        '    files: {repository: a/b, path: "{slug}.md"}\n    fields: {n: {type: TYPE, description: D}}\n'
    )

    def fingerprint(kind: str, description: str) -> str:
        return bind(read_profile(text.replace("TYPE", kind).replace("D}", description + "}"))).fingerprint

    assert fingerprint("string", "one") == fingerprint("string", "two")
    assert fingerprint("string", "one") != fingerprint("integer", "one")
    assert rfc.fingerprint == bind(load_profile("rfc"), parameters=GIVEN).fingerprint
    assert rfc.fingerprint != bind(load_profile("rfc"), parameters={**GIVEN, "meta": "acme/other"}).fingerprint


def repository(full_name: str, *topics: str) -> Repository:
    owner, _, name = full_name.partition("/")
    return Repository(id=1, owner=owner, name=name, topics=topics)


@pytest.mark.parametrize(
    ("selector", "name", "answer"),
    [
        (RepositorySelector(full_name="acme/meta"), "Acme/Meta", True),
        (RepositorySelector(full_name="acme/meta"), "acme/metal", False),
        (RepositorySelector(owner="acme"), "acme/anything", True),
        (RepositorySelector(owner="acme"), "other/anything", False),
        (RepositorySelector(owner="acme", name="hub-*"), "acme/Hub-one", True),
        (RepositorySelector(owner="acme", name="hub-*"), "acme/docs", False),
        (RepositorySelector(owner="acme", topic="hub"), "acme/x", True),
        (RepositorySelector(owner="acme", topic="other"), "acme/x", False),
    ],
)
def test_repositories_are_selected_as_the_forge_names_them(
    selector: RepositorySelector, name: str, answer: bool
) -> None:
    assert selector.selects(repository(name, "hub")) is answer


TWO = """\
format: 1
profile: two
parameters: {one: {type: repository, required: true}, other: {type: repository, required: true}}
collections:
  a: {files: {repository: "{param.one}", path: "docs/{slug}.md"}, key: [slug]}
  b: {files: {repository: "{param.other}", path: "docs/{slug}.md"}, key: [slug]}
"""


def test_collections_that_meet_only_by_their_parameters_are_refused_when_bound() -> None:
    profile = read_profile(TWO)
    assert len(bind(profile, parameters={"one": "acme/a", "other": "acme/b"}).collections) == 2
    with pytest.raises(ProfileError, match="may match one file"):
        bind(profile, parameters={"one": "acme/a", "other": "ACME/A"})


@pytest.mark.parametrize(
    ("selector", "clash"),
    [("{owner: acme}", True), ("{owner: acme, name: meta*}", True), ("{owner: acme, name: hub-*}", False),
     ("{owner: other}", False)],
)  # fmt: skip
def test_a_wide_selector_may_meet_a_single_repository(selector: str, clash: bool) -> None:
    profile = TWO.replace('"{param.other}"', selector).replace("required: true}}", "default: acme/x}}")
    bound = read_profile(profile)
    if clash:
        with pytest.raises(ProfileError, match="may match one file"):
            bind(bound, parameters={"one": "acme/meta"})
    else:
        assert bind(bound, parameters={"one": "acme/meta"}).collection("b").repository.owner is not None


def test_blocks_of_one_profile_read_a_file_once() -> None:
    """Guards: every file read eighty times where eighty teams share a profile."""
    adr = load_profile("adr")
    blocks = [bind(adr, name, f"{name}_", {"owner": "acme", "topic": name}) for name in ("red", "blue")]
    elsewhere = bind(adr, "elsewhere", "e_", {"owner": "acme", "path": "log"})
    collections = [collection for block in (*blocks, elsewhere) for collection in block.collections]
    assert unlike(collections) == (collections[0], collections[2])
