"""Git's objects as values, and how their text is read. Pure."""

from __future__ import annotations

from dataclasses import dataclass

NULL_ID = "0" * 40
"""The id by which pushes spell "nothing": before a creation, after a deletion."""


class StandInError(Exception):
    """Root of what the stand-in's own methods raise."""


class GitError(StandInError):
    """The git program ended with an error; the message is what it said."""


@dataclass(frozen=True)
class Person:
    """Who made a commit, and when: `date` in seconds since 1970, `zone` as git writes it (``+0000``)."""

    name: str
    email: str
    date: int
    zone: str = "+0000"

    def line(self) -> str:
        return f"{self.name} <{self.email}> {self.date} {self.zone}"


@dataclass(frozen=True)
class Commit:
    """A commit object as read."""

    id: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


@dataclass(frozen=True)
class TreeItem:
    """One line of a tree: `size` is 0 for trees and submodules."""

    mode: str
    kind: str
    id: str
    size: int
    path: str


def parse_commit(sha: str, content: bytes) -> Commit:
    """A commit object's text; raises GitError when it is not one."""
    head, _, message = content.decode(errors="replace").partition("\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.split("\n"):
        key, _, value = line.partition(" ")
        fields.setdefault(key, []).append(value)
    try:
        return Commit(
            sha, fields["tree"][0], tuple(fields.get("parent", ())),
            parse_person(fields["author"][0]), parse_person(fields["committer"][0]), message,
        )  # fmt: skip
    except (KeyError, ValueError) as error:
        raise GitError(f"{sha} is not a commit: {error}") from error


def parse_person(line: str) -> Person:
    """``Name <email> seconds zone``."""
    name, _, rest = line.partition(" <")
    email, _, when = rest.rpartition("> ")
    date, zone = when.split(" ")
    return Person(name, email, int(date), zone)
