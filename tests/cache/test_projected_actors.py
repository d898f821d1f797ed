"""Who is behind a pull request: the opener, the audit, a trailer, the bot, and how each is known."""

from __future__ import annotations

import pytest
from worlds import Forge, rfc

from cache.projection.actors import login_of, trailer
from cache.projection.people import addresses, still_told
from cache.rows import PullEntryRow


def audit(repo: str, number: int, person: str, id_: str = "a1") -> str:
    return (
        f'{{"id": "{id_}", "action_kind": "propose_rfc", "repo": "{repo}", "pr_number": {number}, '
        f'"on_behalf_of": "{person}"}}\n'
    )


def test_a_person_who_opens_a_pull_request_is_behind_it() -> None:
    forge = Forge()
    forge.repository("acme/meta").raise_pull(1, "propose/one", user="ada")
    place = forge.rows().place(1)
    assert (place.actor, place.actor_source, place.actor_evidence) == ("ada", "opener", "ada")


def test_one_number_in_two_repositories_has_two_people() -> None:
    """Guards: pull request 3 of one repository taking the actor of pull request 3 of another."""
    forge = Forge()
    meta, own = forge.repository("acme/meta"), forge.repository("acme/one")
    lines = audit("acme/meta", 3, "ada") + audit("Acme/One", 3, "bob", "a2")
    meta.push({"rfcs/one.md": rfc(repo="acme/one"), "audit/2026-01.jsonl": lines})
    meta.raise_pull(3, "propose/two", user="robot")
    own.raise_pull(3, "work", user="robot")
    rows = forge.rows()
    assert (rows.place(3, meta.id).actor, rows.place(3, meta.id).actor_source) == ("ada", "audit")
    assert (rows.place(3, own.id).actor, rows.place(3, own.id).actor_evidence) == ("bob", "a2")


def test_the_audit_outranks_a_trailer_and_the_first_line_counts() -> None:
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.push({"audit/2026-01.jsonl": audit("acme/meta", 1, "ada") + audit("acme/meta", 1, "mallory", "a2")})
    meta.raise_pull(1, "propose/one", user="Robot", body="Text\n\nOn-behalf-of: Bob <bob>")
    assert forge.rows().place(1).actor == "ada"


def test_a_trailer_tells_for_whom_the_bot_acted() -> None:
    forge = Forge()
    forge.repository("acme/meta").raise_pull(1, "propose/one", user="robot", body="Text\n\nOn-behalf-of: Bob B. <bob>")
    place = forge.rows().place(1)
    assert (place.actor, place.actor_source, place.actor_evidence) == ("bob", "trailer", "On-behalf-of: Bob B. <bob>")


def test_where_nobody_is_named_the_bot_itself_is_told() -> None:
    forge = Forge()
    forge.repository("acme/meta").raise_pull(1, "propose/one", user="robot", body="Words alone")
    assert (forge.rows().place(1).actor, forge.rows().place(1).actor_source) == ("robot", "bot")


@pytest.mark.parametrize(
    "body",
    [
        "On-behalf-of: Bob <bob>\n\nand then running text",
        "> On-behalf-of: Bob <bob>",
        "Text\n\nHe wrote On-behalf-of: Bob <bob>",
        "Text\n\nOn-behalf-of: Bob <bob>\nthank you",
        "Text\n\nOn-behalf-of:\nBob <bob>",
        "Text\n\nOn-behalf-of : \n",
        "",
        "\n\n\n",
    ],
)
def test_quoted_and_running_text_is_no_trailer(body: str) -> None:
    """Guards: an unanchored expression, by which quoted text won and matched across lines."""
    assert trailer(body, "On-behalf-of") is None


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("Text\n\nOn-behalf-of: Bob <bob>", "Bob <bob>"),
        ("Text\r\n\r\nOn-behalf-of: Bob <bob>\r\n", "Bob <bob>"),
        ("Text\n\nChange-Id: 1\non-behalf-of: bob\n", "bob"),
        ("Text\n\nOn-behalf-of: ada\nOn-behalf-of: bob", "bob"),
        ("Text\n\nOn-behalf-of: bob\n  and so on", "bob"),
    ],
)
def test_trailers_are_read_as_git_reads_them(body: str, value: str) -> None:
    assert trailer(body, "On-behalf-of") == value


@pytest.mark.parametrize(
    ("said", "login"),
    [
        ("Bob <bob>", "bob"),
        ("bob", "bob"),
        ("@bob", "bob"),
        ("Bob <bob@noreply.example.org>", "bob"),
        ("Bob <12+bob@noreply.example.org>", "bob"),
    ],
)
def test_a_login_is_told_where_there_is_one(said: str, login: str) -> None:
    assert login_of(said) == login


# ---- addresses

GRACE = "On-behalf-of: Grace Hopper <Grace@example.org>"


def named_by_addresses() -> Forge:
    """Pull request 1 names Grace in a trailer, 2 names Ada in the audit; 3 is of a person, whose trailer is moot."""
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.push({"audit/2026-01.jsonl": audit("acme/meta", 2, "ada@example.org")})
    meta.raise_pull(1, "propose/one", user="robot", body=GRACE)
    meta.raise_pull(2, "propose/two", user="robot")
    meta.raise_pull(3, "propose/three", user="eve", body="On-behalf-of: <mallory@example.org>")
    return forge


def test_an_address_is_the_login_of_whom_the_forge_knows_by_it() -> None:
    """Guards: one person under two names, an address here and a login there."""
    forge = named_by_addresses()
    forge.people = {"grace@example.org": "hopper", "ada@example.org": "ada"}
    rows = forge.rows()
    place = rows.place(1)
    assert (place.actor, place.actor_source, place.actor_evidence) == ("hopper", "trailer", GRACE)
    assert (rows.place(2).actor, rows.place(2).actor_source, rows.place(2).actor_evidence) == ("ada", "audit", "a1")


def test_an_address_that_is_nobodys_stays_as_it_was_written() -> None:
    forge = named_by_addresses()
    for forge.people in ({}, {"grace@example.org": ""}):
        place = forge.rows().place(1)
        assert (place.actor, place.actor_source, place.actor_evidence) == ("Grace@example.org", "trailer", GRACE)


def test_only_the_addresses_that_rows_tell_are_to_be_asked_for() -> None:
    """Guards requests for nothing: a trailer that does not decide, and an address that has its login already."""
    forge = named_by_addresses()
    assert addresses(forge.rows().all(PullEntryRow)) == {"grace@example.org", "ada@example.org"}
    forge.people = {"grace@example.org": "hopper", "ada@example.org": ""}
    assert addresses(forge.rows().all(PullEntryRow)) == {"ada@example.org"}


@pytest.mark.parametrize(
    "said",
    ["grace", "grace@", "a@b@c", "gr\u00e4ce@x", "\ud800@x", f"{'a' * 65}@x", "a@x y", f"a@{'x' * 254}", "a@x?"],
)
def test_what_is_no_address_is_never_asked_for(said: str) -> None:
    """Guards the forge against being asked whatever somebody writes into a pull request."""
    forge = Forge()
    forge.repository("acme/meta").raise_pull(1, "propose/one", user="robot", body=f"On-behalf-of: {said}")
    assert forge.rows().place(1).actor_source == "trailer"
    assert addresses(forge.rows().all(PullEntryRow)) == frozenset()


def test_answers_about_trailers_that_are_no_more_are_let_go() -> None:
    """Guards a table that grows with every edit of a pull request."""
    forge = named_by_addresses()
    forge.people = {"grace@example.org": "hopper", "ada@example.org": "", "old@example.org": "", "bob@x": "bob"}
    told = still_told(forge.people, forge.rows().all(PullEntryRow))
    assert told == {"grace@example.org": "hopper", "ada@example.org": ""}
