"""Author and committer lines as git itself reads them (fault W5)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from client_repos import git, make

from gitea_client.git import LATEST
from gitea_client.parsing import commit

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
REAL = datetime(2010, 8, 20, 5, 35, 42, tzinfo=UTC)

LINES = [
    "Ann <a@b>> 1282910542 +0200",
    "Ann <a@b>x> 1282910542 +0200",
    "Ann <a> <b@c> 1282910542 -0730",
    "Ann > x <a@b> 1282910542 +0000",
    "A<b>c<d> 7 +0000",
    "<a@b> 1282910542 +0000",
    "Ann <> 0 +0000",
    "Ann <a@b>   1282910542   +0200",
    "Ann <a@b> 253402300799 +0000",
    "Ann <a@b>>>> 253402300799 +1400",
]


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_read_as_git_reads_it(line: str, tmp_path: Path) -> None:
    """Git is the judge: converted histories hold every one of these."""
    repository = make(tmp_path / "r.git")
    tree = git(repository, "hash-object", "-t", "tree", "-w", "--stdin").decode().strip()
    raw = f"tree {tree}\nauthor {line}\ncommitter {line}\n\nm\n".encode()
    sha = git(repository, "hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=raw).decode().strip()
    shown = "%an%x00%ae%x00%at%x00%cn%x00%ce%x00%ct"
    name, email, at, *committer = git(repository, "log", "-1", f"--format={shown}", sha).decode()[:-1].split("\0")
    read = commit(sha, raw)
    assert (read.author_name, read.author_email, int(read.authored_at.timestamp())) == (name, email, int(at))
    assert [read.committer_name, read.committer_email, str(int(read.committed_at.timestamp()))] == committer


@pytest.mark.parametrize(
    ("date", "kept"),
    [
        ("253402300800 +0000", LATEST),
        ("99999999999999999 +0000", LATEST),
        ("18446744073709551616 +0000", LATEST),
        ("9" * 5000 + " +0000", LATEST),
        ("0" * 5000 + "5 +0000", datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)),
        ("-1 +0000", EPOCH),
        ("-99999999999 +0000", EPOCH),
        ("+5 +0000", EPOCH),
        ("0x10 +0000", EPOCH),
        ("12ab +0000", EPOCH),
        ("", EPOCH),
        ("1282282542", REAL),
    ],
)
def test_a_date_that_cannot_be_kept_sorts_where_git_would_have_it(date: str, kept: datetime) -> None:
    """What is too late is last, what is none is first; Git has no date before 1970."""
    read = commit("ab" * 20, f"author Ann <a@b> {date}\ncommitter Ann <a@b>> {date}\n\nm\n".encode())
    assert (read.authored_at, read.committed_at) == (kept, kept)
