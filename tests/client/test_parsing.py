"""What git's plumbing prints, read into values: pure, so that each line of the reading is held by an example here."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitea_client.errors import GitFailed
from gitea_client.git import LATEST, Commit, TreeItem
from gitea_client.parsing import commit, path_bytes, path_of, sides_of, sizes, tree

A, B, C = "a" * 40, "b" * 40, "c" * 40
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def raw(*lines: bytes, message: bytes = b"Subject\n") -> bytes:
    """A commit object with these lines in its head."""
    return b"\n".join([b"tree " + A.encode(), *lines]) + b"\n\n" + message


def dated(seconds: bytes) -> datetime:
    """How the date of a committer's line reads."""
    return commit(A, raw(b"committer Ann <a@b> " + seconds + b" +0000")).committed_at


def test_a_commit_is_read_field_by_field() -> None:
    made = raw(
        b"parent " + B.encode(),
        b"parent " + C.encode(),
        b"author Ann Author <ann@example.org> 86400 +0200",
        b"committer Carl Committer <carl@example.org> 172800 -0500",
        b"gpgsig -----BEGIN PGP SIGNATURE-----",
        b" parent " + A.encode(),
        message=b"Subject\n\nBody, with\n\nparagraphs\n\n\n",
    )
    assert commit(A, made) == Commit(
        A,
        "Ann Author", "ann@example.org", datetime(1970, 1, 2, tzinfo=UTC),
        "Carl Committer", "carl@example.org", datetime(1970, 1, 3, tzinfo=UTC),
        "Subject\n\nBody, with\n\nparagraphs",
        (B, C),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("message", "read"), [(b"Body X\n", "Body X"), (b"Body \n", "Body "), (b"\n Body\n\n", "\n Body")]
)
def test_a_message_ends_before_its_last_line_ends(message: bytes, read: str) -> None:
    """All else is as it was written."""
    assert commit(A, raw(message=message)).message == read


def test_of_a_commit_that_lacks_everything_the_rest_is_read() -> None:
    """`git hash-object --literally` makes such, and a push may bring it."""
    assert commit(A, b"tree x") == Commit(A, "", "", EPOCH, "", "", EPOCH, "", ())


def test_a_parent_that_is_no_object_is_none() -> None:
    read = commit(A, raw(b"parent " + b"z" * 40, b"parent", b"parent \xff", b"parent " + B.encode()))
    assert read.parents == (B,)


def test_the_first_of_doubled_lines_counts() -> None:
    read = commit(A, raw(b"author One <1> 1 +0", b"author Two <2> 2 +0"))
    assert (read.author_name, read.author_email, read.authored_at.timestamp()) == ("One", "1", 1)


@pytest.mark.parametrize(
    ("encoding", "name", "read"),
    [
        (None, "Jörg".encode(), "Jörg"),
        (b"ISO-8859-1", "Jörg".encode("latin-1"), "Jörg"),
        (b"KOI8-R", "Жанна".encode("koi8-r"), "Жанна"),
        (b"no-such-encoding", "Jörg".encode(), "Jörg"),
        (b"rot13", b"Ann", "Ann"),
        (b"utf-16", "Jörg".encode(), "Jörg"),
        (b"bad\0name", b"Ann", "Ann"),
        (b"\xff\xfe", b"Ann", "Ann"),
        (None, b"J\xf6rg", "J\ufffdrg"),
    ],
)
def test_a_text_is_of_the_encoding_that_the_commit_claims(encoding: bytes | None, name: bytes, read: str) -> None:
    """One that is none, or none of text, is passed over; what does not fit is replaced."""
    claimed = [b"encoding " + encoding] if encoding is not None else []
    person = b" " + name + b" <" + name + b"> 1 +0000"
    made = commit(A, raw(b"author" + person, b"committer" + person, *claimed, message=name + b"\n"))
    assert (made.author_name, made.author_email) == (read, read)
    assert (made.committer_name, made.committer_email, made.message) == (read, read, read)


@pytest.mark.parametrize(
    ("seconds", "read"),
    [
        (b"0", EPOCH),
        (b"86400", datetime(1970, 1, 2, tzinfo=UTC)),
        (b"000000000000000000000086400", datetime(1970, 1, 2, tzinfo=UTC)),
        (b"-86400", EPOCH),
        (b"86400x", EPOCH),
        (b"", EPOCH),
        (b"253402300799", LATEST),
        (b"253402300798", datetime(9999, 12, 31, 23, 59, 58, tzinfo=UTC)),
        (b"253402300800", LATEST),
        (b"9" * 18, LATEST),
        (b"9" * 19, LATEST),
        (b"9" * 5_000, LATEST),
    ],
)
def test_a_date_that_is_none_is_the_epoch_and_one_beyond_all_is_the_latest(seconds: bytes, read: datetime) -> None:
    """A number of thousands of digits costs nothing, and raises nothing (CPython refuses to convert it)."""
    assert dated(seconds) == read


def test_sizes_are_of_what_is_there() -> None:
    """An answer of `cat-file --batch-check`: what is missing has two fields, and what is none is passed over."""
    said = f"{A} blob 12\n{B} missing\n{C} tree 0\nx y z\nx  blob 1\n\n".encode()
    assert sizes(said) == {A: ("blob", 12), C: ("tree", 0)}
    assert sizes(b"\xff\xff blob 1\n") == {"\ufffd\ufffd": ("blob", 1)}
    assert sizes(b"") == {}


def test_a_tree_is_read_item_by_item() -> None:
    said = f"100644 blob {A}\ta b\tc.md\x00120000 blob {B}\tlink\x00160000 commit {C}\tmodule\0".encode()
    read = {
        "a b\tc.md": TreeItem("100644", "blob", A), "link": TreeItem("120000", "blob", B),
        "module": TreeItem("160000", "commit", C),
    }  # fmt: skip
    assert tree(said, "what") == tree(said.removesuffix(b"\0"), "what") == read
    assert list(tree(said, "what")) == list(read)
    assert tree(b"", "what") == {}


def test_an_item_of_strange_bytes_is_read_all_the_same() -> None:
    assert tree(b"100644 blob \xff\t\xff\x00", "what") == {"\udcff": TreeItem("100644", "blob", "\ufffd")}


def test_of_several_items_of_one_path_the_first_counts() -> None:
    """As git itself checks them out; `doubled-name` tells of it."""
    said = f"100644 blob {A}\ta\x00100644 blob {B}\ta\0".encode()
    assert tree(said, "what") == {"a": TreeItem("100644", "blob", A)}


@pytest.mark.parametrize(
    "record", [b"100644 blob abc", b"100644  blob a\tc", b"100644 blob\ta", b"100644 blob a b\tc", b"\0\0"]
)
def test_what_is_no_tree_item_is_an_error_that_shows_its_beginning(record: bytes) -> None:
    with pytest.raises(GitFailed, match=r"^the tree: b'.*' is no tree item$"):
        tree(record + b"\0", "the tree")
    with pytest.raises(GitFailed) as raised:
        tree(b"x" * 1_000, "the tree")
    assert str(raised.value) == f"the tree: {b'x' * 80!r} is no tree item"


@pytest.mark.parametrize(
    ("line", "sides"),
    [
        (f":100644 100755 {A} {B} M", (TreeItem("100644", "blob", A), TreeItem("100755", "blob", B))),
        (f":000000 100644 {A} {B} A", (None, TreeItem("100644", "blob", B))),
        (f":100644 000000 {A} {B} D", (TreeItem("100644", "blob", A), None)),
        (f":160000 100644 {A} {B} T", (TreeItem("160000", "commit", A), TreeItem("100644", "blob", B))),
        (f":100644 160000 {A} {B} T", (TreeItem("100644", "blob", A), TreeItem("160000", "commit", B))),
    ],
)
def test_a_raw_change_has_what_was_and_what_is(line: str, sides: tuple[TreeItem | None, TreeItem | None]) -> None:
    assert sides_of(line.encode()) == sides


@pytest.mark.parametrize(
    "line", [b"", b":100644 100644 a b", b":100644  100644 a b M", b":100644 100644 a b M x", b"x" * 500]
)
def test_what_is_no_raw_change_is_an_error_that_shows_its_beginning(line: bytes) -> None:
    with pytest.raises(GitFailed) as raised:
        sides_of(line)
    assert str(raised.value) == f"{line[:80]!r} is no raw change"


def test_bytes_that_are_not_ascii_make_no_raw_change_fail() -> None:
    assert sides_of(b":100644 100644 \xff b M")[0] == TreeItem("100644", "blob", "\ufffd")


@given(st.binary())
def test_a_path_goes_back_and_forth(path: bytes) -> None:
    """Git's paths are bytes: those that are not UTF-8 must name the same file again."""
    assert path_bytes(path_of(path)) == path


@given(st.binary(max_size=300), st.binary(max_size=60))
def test_no_bytes_make_the_reading_of_a_commit_fail(head: bytes, message: bytes) -> None:
    """Whatever was pushed: it reads as something that UTF-8 holds."""
    read = commit(A, head + b"\nauthor " + head + b"\nencoding " + message + b"\n\n" + message)
    for text in (read.author_name, read.author_email, read.committer_name, read.committer_email, read.message):
        text.encode()
    assert EPOCH <= read.authored_at <= LATEST
