"""`ls-refs` as bytes: every whole answer is understood, and none that is cut, broken or strange passes for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitea_client.allowed import is_ref_name
from gitea_client.errors import Malformed
from gitea_client.pktline import FLUSH, RefLine, encode_line, ls_refs_request, parse_ls_refs
from gitea_client.refs import collect

ids = st.text("0123456789abcdef", min_size=40, max_size=40).filter(lambda s: s.strip("0"))
ids_256 = st.text("0123456789abcdef", min_size=64, max_size=64).filter(lambda s: s.strip("0"))
# Git allows nearly any byte in a ref's name, but no space, control character or ".." (git-check-ref-format(1)).
names = st.binary(min_size=1, max_size=20).map(lambda b: b.decode("utf-8", "surrogateescape")).filter(is_ref_name)
lines = st.builds(
    RefLine,
    name=names.map("refs/heads/{}".format),
    id=st.none() | ids | ids_256,
    target=st.none() | names,
)
answers = st.lists(lines, max_size=6, unique_by=lambda line: line.name)


def encode(refs: list[RefLine]) -> bytes:
    """What a server says of `refs`."""
    out = b""
    for ref in refs:
        target = f" symref-target:{ref.target}" if ref.target is not None else ""
        out += encode_line(f"{ref.id or 'unborn'} {ref.name}{target}\n".encode("utf-8", "surrogateescape"))
    return out + FLUSH


@given(answers)
def test_what_was_said_is_understood(refs: list[RefLine]) -> None:
    """Guards names of any bytes, both object formats, symbolic and unborn refs."""
    assert parse_ls_refs(encode(refs), "x") == refs


@given(answers, st.data())
def test_no_part_of_an_answer_passes_for_the_whole(refs: list[RefLine], data: st.DataObject) -> None:
    """Guards against branches that are taken for deleted because an answer was cut, at whatever byte."""
    whole = encode(refs)
    cut = data.draw(st.integers(0, len(whole) - 1))
    for end in (cut, len(whole) - len(FLUSH)):  # the last is where all lines are whole, which chance seldom draws
        with pytest.raises(Malformed):
            parse_ls_refs(whole[:end], "x")


@given(st.binary(max_size=200))
def test_garbage_is_malformed_and_nothing_else(body: bytes) -> None:
    """Guards against any other error for whatever bytes a server or a proxy may send."""
    try:
        parse_ls_refs(body, "x")
    except Malformed:
        return
    assert body.endswith(FLUSH)


A, B = "a" * 40, "b" * 40


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "empty"),
        (encode([]) + b"0", "after the final flush"),
        (encode([]) + FLUSH, "after the final flush"),
        (encode_line(b"0" * 40 + b" refs/heads/x\n") + FLUSH, "null id"),
        (encode_line(f"{A} refs/heads/x\n".encode()) * 2 + FLUSH, "twice"),
        (encode_line(b"ERR access denied or repository not exported") + FLUSH, "the forge says 'access denied"),
        (b"0001" + FLUSH, "cut or broken"),
        (b"0004" + FLUSH, "cut or broken"),
        (b"<!DOCTYPE html>", "no pkt-line"),
        (b"ffff" + b"x" * 65531 + FLUSH, "cut or broken"),
        (encode_line(f"{A[1:]} refs/heads/x\n".encode()) + FLUSH, "is no ref"),
    ],
)
def test_answers_that_prove_nothing(body: bytes, why: str) -> None:
    """Guards each kind of damage by name: a damaged repository directory answers 200 with zero bytes."""
    with pytest.raises(Malformed, match=why):
        parse_ls_refs(body, "x")


def test_the_request_is_as_gitprotocol_v2_has_it() -> None:
    """Guards the one POST that costs 8 ms where `git ls-remote` downloads every ref."""
    assert ls_refs_request(["HEAD", "refs/pull/"], object_format="sha256") == (
        b"0014command=ls-refs\n0015agent=forgeglass\n0019object-format=sha256\n"
        b"0001000csymrefs\n000bunborn\n0014ref-prefix HEAD\n001aref-prefix refs/pull/\n0000"
    )


def test_refs_are_sorted_by_what_they_are() -> None:
    """Guards the reading of names: only `refs/pull/N/head` is a pull request, only HEAD names the default branch."""
    listing = collect(
        [
            RefLine("HEAD", A, "refs/heads/release/1.0"),
            RefLine("refs/heads/release/1.0", A),
            RefLine("refs/pull/7/head", B),
            RefLine("refs/pull/007/head", B),
            RefLine("refs/pull/7/merge", B),
            RefLine(f"refs/pull/{'9' * 30}/head", B),
            RefLine("refs/tags/v1", B),
        ],
        "x",
    )
    assert (listing.default_branch, listing.unborn) == ("release/1.0", False)
    assert (listing.branches, listing.pulls) == ({"release/1.0": A}, {7: B})


def test_an_empty_repository_names_its_branch_to_be_and_a_detached_head_none() -> None:
    """Guards empty repositories: no branch is an answer there, not damage."""
    empty = collect([RefLine("HEAD", None, "refs/heads/main")], "x")
    assert (empty.default_branch, empty.unborn, empty.branches) == ("main", True, {})
    assert collect([RefLine("HEAD", A)], "x").default_branch is None
    assert collect([], "x").default_branch is None
    with pytest.raises(Malformed):
        collect([RefLine("refs/heads/x", None)], "x")
