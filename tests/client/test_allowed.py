"""Which text of a forge may pass, against git's own judgement where it has one (fault S1)."""

from __future__ import annotations

import subprocess
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitea_client import allowed, errors, wire
from gitea_client.decoding import Unusable, decode_each
from gitea_client.parsing import commit
from gitea_client.pktline import encode_line, ls_refs_request, parse_ls_refs

SNEAKY = [
    "",
    ".",
    "..",
    "a/b",
    "a\nb",
    "a\n",
    "\na",
    "a\0",
    "a b",
    "a\tb",
    "a;b",
    "$(a)",
    "`a`",
    "a\\b",
    "\u202ea",
    "é",
    "a" * 256,
]


@pytest.mark.parametrize("text", SNEAKY)
def test_what_no_name_can_be_is_refused(text: str) -> None:
    """Line breaks at the end too, which `$` in a pattern lets pass."""
    for check in (allowed.check_owner, allowed.check_repository_name):
        with pytest.raises(ValueError, match="is not the name"):
            check(text)
    for full in (f"acme/{text}", f"{text}/meta"):
        if full.count("/") == 1 or text == "":
            with pytest.raises(ValueError, match="owner/name"):
                allowed.check_full_name(full)


@pytest.mark.parametrize("name", ["a", "-a", "a-", "_a", "a.b", "...", "A-1_b.c", "0", "a" * 100, "forgejo-actions"])
def test_names_that_servers_give_pass(name: str) -> None:
    """Repositories may begin with a dash on both servers, owners of old ones with any sign."""
    assert allowed.check_owner(name) == name
    assert allowed.check_repository_name(name) == name
    assert allowed.check_full_name(f"{name}/{name}") == f"{name}/{name}"


@settings(max_examples=150)
@given(
    st.text(st.sampled_from("ab./-@{~^:?*[\\ \x7f\n\té_lock"), min_size=1, max_size=6), st.sampled_from(["", ".lock"])
)
def test_a_ref_is_what_git_says_it_is(text: str, end: str) -> None:
    """git-check-ref-format(1) is the rule; a leading dash is a name like any other, and never an argument."""
    name = text + end
    said = subprocess.run(["git", "check-ref-format", f"refs/heads/{name}"], check=False).returncode == 0
    assert allowed.is_ref_name(name) is said


@pytest.mark.parametrize("text", ["", "sha1\n", "SHA1", "sha512", "sha1 ", "--template=x", "sha1\n[core]"])
def test_git_has_two_object_formats(text: str) -> None:
    """Everything else stops before a request or a store is made of it."""
    with pytest.raises(ValueError, match="object format"):
        allowed.check_object_format(text)
    with pytest.raises(errors.Malformed, match="object format"):
        ls_refs_request(["HEAD"], object_format=text)


@pytest.mark.parametrize("name", [b"refs/heads/a\tb", b"refs/heads/..", b"refs/heads/a\x1b[2J", b"refs/heads/x.lock"])
def test_refs_that_git_cannot_have_are_no_answer(name: bytes) -> None:
    """A server that is one lists none of these; the repository alone is felt."""
    good = encode_line(b"%s refs/heads/-main" % (b"a" * 40))
    assert parse_ls_refs(good + b"0000", "it")[0].name == "refs/heads/-main"
    with pytest.raises(errors.Malformed, match="no name of a ref"):
        parse_ls_refs(good + encode_line(b"%s %s" % (b"b" * 40, name)) + b"0000", "it")
    head = encode_line(b"%s HEAD symref-target:%s" % (b"b" * 40, name))
    with pytest.raises(errors.Malformed, match="no name of a ref"):
        parse_ls_refs(head + b"0000", "it")


def pull(**changes: Any) -> dict[str, Any]:
    end = {"label": "x", "ref": "x", "sha": "a" * 40, "repo_id": 1}
    whole = {"id": 1, "number": 1, "title": "t", "state": "open", "head": end, "base": end}
    return {**whole, **changes}


@pytest.mark.parametrize("changes", [
    {"number": 0}, {"number": -1}, {"number": 2**63}, {"number": "1"}, {"merge_commit_sha": "--output=x"},
    {"merge_commit_sha": "a" * 41}, {"head": {"sha": "main"}}, {"base": {"ref": "a b"}},
    {"user": {"id": 1, "login": "a b"}},
    {"created_at": "yesterday"}, {"created_at": "99999-01-01T00:00:00Z"}, {"id": 1e300},
])  # fmt: skip
def test_a_pull_request_that_cannot_be_is_unusable_alone(changes: dict[str, Any]) -> None:
    """What reaches git from a pull request are ids; what reaches a store are numbers that fit it."""
    bad, good = decode_each(wire.PullRequest, msgspec.json.encode([pull(**changes), pull()]), "it")
    assert isinstance(bad, Unusable)
    assert isinstance(good, wire.PullRequest)


@pytest.mark.parametrize("login", ["Ghost", "gitea-actions", "@alice@example.org", "renovate.bot", ""])
def test_people_of_every_kind_are_people(login: str) -> None:
    """The server's own users have negative ids, and those of other servers an address for a login."""
    (read,) = decode_each(wire.PullRequest, msgspec.json.encode([pull(user={"id": -2, "login": login})]), "it")
    assert isinstance(read, wire.PullRequest)


def test_a_parent_that_is_no_id_never_becomes_an_argument() -> None:
    """Commits are bytes of whoever pushed; the parents of one are asked for by their names."""
    raw = b"tree %s\nparent --output=x\nparent %s\nauthor A <a> 1 +0000\n\nm" % (b"a" * 40, b"b" * 40)
    assert commit("c" * 40, raw).parents == ("b" * 40,)


@pytest.mark.parametrize("value", [1, 2**63 - 1])
def test_ids_are_positive_numbers_of_64_bits(value: int) -> None:
    assert allowed.check_id(value) == value


@pytest.mark.parametrize("value", [0, -1, 2**63, True])
def test_what_is_no_id_is_refused(value: int) -> None:
    """Guards numbers that a database column, or a path of the API, would make another of."""
    with pytest.raises(ValueError, match=f"{value} is no id"):
        allowed.check_id(value)


@pytest.mark.parametrize("text", SNEAKY)
def test_asking_and_checking_say_the_same(text: str) -> None:
    """Guards two ways into the same rule, of which one is mended and the other not."""
    pairs = [
        (allowed.is_owner, allowed.check_owner), (allowed.is_repository_name, allowed.check_repository_name),
        (allowed.is_ref_name, allowed.check_ref_name), (allowed.is_object_id, allowed.check_object_id),
    ]  # fmt: skip
    for each in (text, "main", "a" * 40):
        for asked, check in pairs:
            try:
                passed = check(each) == each
            except ValueError:
                passed = False
            assert asked(each) is passed
    assert allowed.is_login("ada")
    assert not allowed.is_login(f"ada\n{text}")


@pytest.mark.parametrize(
    ("check", "what"),
    [
        (allowed.check_owner, "the name of an owner"), (allowed.check_repository_name, "the name of a repository"),
        (allowed.check_full_name, "of the form owner/name"), (allowed.check_ref_name, "the name of a ref"),
        (allowed.check_object_id, "a full object id"),
    ],
)  # fmt: skip
def test_a_refusal_names_what_it_is_not_and_no_more_of_it_than_a_line(check: Any, what: str) -> None:
    """Guards logs and pages: what is refused may be as long as anybody likes."""
    with pytest.raises(ValueError, match=rf"^'(\\n){{80}}' is not {what}$"):
        check("\n" * 100)


def test_an_object_format_is_given_back_and_another_is_named() -> None:
    assert [allowed.check_object_format(each) for each in ("sha1", "sha256")] == ["sha1", "sha256"]
    with pytest.raises(ValueError, match=r"^'x{80}' is no object format; Git has sha1 and sha256$"):
        allowed.check_object_format("x" * 100)
