"""The `adr` profile: records as they are found in the wild, without one word changed in them."""

from __future__ import annotations

from typing import Any

import pytest
from records import FILES

from cache.profile.block import Block, Collection, ProfileError, bind, load_profile
from cache.profile.entry import Record, parse_file


@pytest.fixture(scope="module")
def records() -> Collection:
    return bind(load_profile("adr"), parameters={"owner": "acme"}).collection("decisions")


def read(records: Collection, path: str, content: str | bytes | None = None) -> Record:
    captures = records.captures(path)
    assert captures is not None, path
    text = FILES[path] if content is None else content
    (record,) = parse_file(records, path, text.encode() if isinstance(text, str) else text, captures)
    return record


def told(record: Record) -> dict[str, Any]:
    """The fields that hold something."""
    return {name: value for name, value in record.fields.items() if value not in (None, [])}


RECORDS = [path for path in FILES if path.startswith(("docs/adr/0", "docs/adr/A", "docs/adr/b", "decisions", "src"))]


@pytest.mark.parametrize("path", [path for path in RECORDS if "template" not in path])
def test_no_record_in_the_wild_is_a_finding(records: Collection, path: str) -> None:
    """Guards: a stranger's first look being a page of complaints about files that were never written for us."""
    record = read(records, path)
    assert (record.problems, record.valid) == ((), True)
    assert record.key == (path,)
    assert record.fields["title"]


@pytest.mark.parametrize(
    "path",
    ["docs/adr/README.md", "docs/adr/readme-first.md", "docs/adr/index.md", "docs/adr/template.md",
     "docs/adr/0000-adr-template.md", "docs/adr/adr-template.md", "docs/adr/template-long.md",
     "docs/adr/NNNN-template.md", "docs/adr/_index.md", "docs/adr/.hidden.md", "docs/adr/TOC.md",
     "docs/adr/picture.png", "docs/guide.md", "adr.md", "docs/decisionmaking/1.md", "docs/indecision/1.md"],
)  # fmt: skip
def test_what_stands_beside_records_is_none(records: Collection, path: str) -> None:
    assert records.captures(path) is None


@pytest.mark.parametrize(
    "path",
    ["docs/adr/0012-use-template-engine.md", "docs/decisions/use-template-engine.md", "ADR/1.MD",
     "adrs/x/y/001.markdown", "docs/architecture/decisions/0001-x.md", "doc/architecture-decision-records/1.md",
     "docs/adr/0000-use-markdown.md", "decision/1.md", "doc/Architectural_Decision_Log/1.md", "decision-record/1.md"],
)  # fmt: skip
def test_records_are_found_in_the_usual_folders(records: Collection, path: str) -> None:
    assert records.captures(path) is not None


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (
            "docs/adr/0001-record-decisions.md",
            {"number": 1, "title": "Record decisions", "status": "accepted", "date": "2020-01-02"},
        ),
        (
            "docs/adr/0002-use-mysql.md",
            {"number": 2, "title": "Use MySQL", "status": "superseded", "date": "2020-02-03", "superseded_by": ["3"]},
        ),
        (
            "docs/adr/0003-use-postgresql.md",
            {"number": 3, "title": "Use PostgreSQL, not MySQL", "status": "accepted", "date": "2021-02-03",
             "supersedes": ["2"]},
        ),
        (
            "docs/adr/0004-host-it.md",
            {"number": 4, "title": "Host it ourselves", "status": "superseded", "date": "2021-06-21",
             "decision_makers": ["Ann Lee", "@bob", "carol"], "superseded_by": ["5"]},
        ),
        (
            "docs/adr/0005-rent.md",
            {"number": 5, "title": "Rent it", "status": "accepted", "date": "2024-08-09",
             "decision_makers": ["ann", "bob"], "consulted": ["Product owner"], "informed": ["everyone"]},
        ),
        (
            "docs/adr/0006-ask.md",
            {"number": 6, "title": "Ask before renting", "status": "superseded", "date": "2023-01-01",
             "decision_makers": ["Ann", "Bob and Carol"], "superseded_by": ["123"]},
        ),
        (
            "docs/adr/ADR-007-bold.md",
            {"number": 7, "title": "Bold lines", "status": "accepted", "decision_makers": ["The whole team"],
             "supersedes": ["6", "4"]},
        ),
        (
            "docs/adr/00008_tables.md",
            {"number": 8, "title": "Tables", "status": "proposed", "date": "2026-10-07", "decision_makers": ["dora"]},
        ),
        ("docs/adr/bare.md", {"title": "bare"}),
        ("docs/adr/010-odd.md", {"number": 10, "title": "Unfilled", "status": "last call", "date": "2024-02-03"}),
        ("docs/adr/011.md", {"number": 11, "title": "Status", "status": "proposed"}),
        ("docs/adr/012-empty.md", {"number": 12, "title": "empty"}),
    ],
)  # fmt: skip
def test_each_form_says_the_same_things(records: Collection, path: str, fields: dict[str, Any]) -> None:
    assert told(read(records, path)) == fields


def test_what_else_front_matter_says_is_kept(records: Collection) -> None:
    assert read(records, "docs/adr/0005-rent.md").extra == {"tags": ["hosting"]}


@pytest.mark.parametrize(
    ("heading", "title"),
    [
        ("1. Use Git", "Use Git"), ("ADR-0001: Use Git", "Use Git"), ("ADR 18: Use Git", "Use Git"),
        ("ADR-0022 — Use Git", "Use Git"), ("0010 · Use Git", "Use Git"), ("0005: Use Git", "Use Git"),
        ("ADR015: Use Git", "Use Git"), ("ADR: Use Git", "Use Git"), ("ADR-5 Use Git", "Use Git"),
        ("[ADR-0001] Use Git", "Use Git"), ("12 - Use Git", "Use Git"), ("0007 Use Git", "Use Git"),
        ("2020 roadmap", "2020 roadmap"), ("3 reasons for Git", "3 reasons for Git"), ("1.5 is out", "1.5 is out"),
        ("Adrenaline", "Adrenaline"), ("ADR-0001", "ADR-0001"), ("null", "null"),
        ("2020-01-01 Meeting", "2020-01-01 Meeting"),
    ],
)  # fmt: skip
def test_a_number_before_the_title_is_no_part_of_it(records: Collection, heading: str, title: str) -> None:
    """And a title that only begins with a number keeps it."""
    assert read(records, "docs/adr/0001-x.md", f"# {heading}\n").fields["title"] == title


def test_the_number_of_the_file_is_no_part_of_the_title(records: Collection) -> None:
    assert read(records, "docs/adr/023-logging.md", "# 23 Logging\n").fields["title"] == "Logging"


def test_a_commented_template_says_nothing(records: Collection) -> None:
    """W7: what is left of the template above the record's own words."""
    template = "<!--\n# Title\n\n* Status: draft\n\n## Status\n\nproposed | accepted\n-->\n\n"
    for form in ("# Use Git\n\n* Status: rejected\n", "# Use Git\n\n## Status\n\nRejected\n"):
        fields = read(records, "docs/adr/0001-x.md", template + form).fields
        assert (fields["title"], fields["status"]) == ("Use Git", "rejected")


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Accepted", "accepted"), ("**Proposed**.", "proposed"), ("In progress", "in progress"), ("On hold", "on hold"),
        ("✅ Accepted", "accepted"), ("Accepted - done", "accepted"), ("Accepted by Ann on Monday", "accepted"),
        ("proposed | rejected", "proposed"), ("N/A", "n/a"), ("已接受", "已接受"), ("2020-01-01: Accepted", "accepted"),
        ("<!-- choose one -->\n\nRejected", "rejected"), ("123", None), ("", None),
    ],
)  # fmt: skip
def test_a_status_is_a_word_or_two(records: Collection, text: str, status: str | None) -> None:
    assert read(records, "docs/adr/0001-x.md", f"# T\n\n## Status\n\n{text}\n\n## Next\n").fields["status"] == status


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Superseded by ADR-0005", ["5"]), ("superseded by 5", ["5"]), ("Superseded by [ADR-5](x.md)", ["5"]),
        ("Superseded by [Use Git](./a/0005-use-git.md)", ["5"]),
        ("Superseded by [5](0005-x.md) and [6](0006-y.md)", ["5", "6"]),
        ("Superceded-by: #5", ["5"]), ("SUPERSEDED BY ADR 00005, supersedes ADR-4", ["5"]),
        ("Superseded by a better idea", []), ("Accepted", []), ("Superseded by ADR-XXXX", []),
    ],
)  # fmt: skip
def test_the_record_that_supersedes_is_told_in_many_ways(records: Collection, text: str, numbers: list[str]) -> None:
    forms = ("---\nstatus: '{}'\n---\n# T\n", "# T\n\n* Status: {}\n", "# T\n\n## Status\n\n{}\n")
    for content in (form.format(text) for form in forms):
        assert read(records, "docs/adr/0001-x.md", content).fields["superseded_by"] == numbers


def test_broken_front_matter_is_told_and_the_record_is_served_all_the_same(records: Collection) -> None:
    """It was meant as front matter, so its writer wants to know; and there may be no earlier version to serve."""
    record = read(records, "docs/adr/0001-x.md", "---\nstatus: a: b\n---\n# 1. Title\n")
    assert [(found.rule, found.severity, found.line) for found in record.problems] == [("yaml-syntax", "warning", 2)]
    assert (record.valid, record.fields["title"]) == (True, "Title")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "only|one of them: 'repository' or 'owner'"),
        ({"repository": "acme/app", "owner": "acme"}, "only one of them: 'repository' or 'owner'"),
        ({"topic": "team-a"}, "'repository' or 'owner'"),
        ({"repository": "acme/app", "topic": "team-a"}, "'topic' narrows an owner"),
        ({"owner": "acme", "path": "../etc"}, "must be a folder"),
        ({"repositories": "x-*", "repository": "acme/app"}, "'repositories' narrows an owner"),
    ],
)
@pytest.mark.parametrize("profile", ["adr", "markdown"])
def test_a_block_says_in_exactly_one_way_where_the_files_are(
    profile: str, given: dict[str, object], message: str
) -> None:
    with pytest.raises(ProfileError, match=message):
        bind(load_profile(profile), parameters=given)


@pytest.mark.parametrize(
    ("folder", "path"),
    [("docs", "docs/1.md"), ("/docs/", "docs/sub/1.md"), ("", "1.md"), (".", "a/b/1.md"), ("*/log", "a/log/1.md")],
)  # fmt: skip
@pytest.mark.parametrize("profile", ["adr", "markdown"])
def test_the_folder_is_the_blocks_to_say(profile: str, folder: str, path: str) -> None:
    block: Block = bind(load_profile(profile), parameters={"owner": "acme", "path": folder})
    assert block.collections[0].captures(path) is not None
