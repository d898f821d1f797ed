"""How many findings one push can make, and how long one may be (S9): 1 MB gave 90,000, and three such pushes pushed
all else out of the feed.
"""

from __future__ import annotations

import pytest
from worlds import Forge, block, rfc, rfc_block

from cache.profile.rules import MAX_MESSAGE, MAX_NAME
from cache.projection import findings
from cache.projection.findings import Place, fewer, finding

STRICT = """\
format: 1
profile: s
collections:
  lines:
    files: {repository: acme/meta, path: "{file}.jsonl"}
    key: [id]
    unknown_fields: warn
    fields: {id: {type: string}, n: {type: integer}}
  pages:
    files: {repository: acme/meta, path: "{slug}.md"}
    key: [slug]
    unknown_fields: refuse
    fields: {n: {type: integer, required: true}}
"""


def test_a_file_of_lines_has_so_many_findings_of_a_rule_and_one_that_counts_the_rest() -> None:
    forge = Forge(block(STRICT))
    good = "".join(f'{{"id": "a{n}", "q": 1}}\n' for n in range(3000))
    bad = "".join(f'{{"id": "b{n}", "n": "x", "q": 1}}\n' for n in range(300))
    forge.repository("acme/meta").push({"x.jsonl": good + bad + "no\n" * 500})
    rows = forge.rows()
    by_rule: dict[str, list[str]] = {}
    for row in rows.findings():
        by_rule.setdefault(row.rule, []).append(row.message)
    assert len(by_rule["unknown-field"]) == 50
    assert by_rule["too-many-problems"] == ["3050 more problems, from here on, are not shown."]
    assert len(by_rule["wrong-type"]) == 100, "each bad line that is told says why"
    assert by_rule["bad-line"] == ["700 more lines, from here on, cannot be read."]
    assert rows.entry("a2999", "lines").valid


def test_of_a_file_with_too_many_lines_the_last_good_rows_stay() -> None:
    forge = Forge(block(STRICT))
    meta = forge.repository("acme/meta")
    meta.push({"x.jsonl": '{"id": "a"}\n', "one.md": "---\nn: 1\n---\n"})
    meta.push({"x.jsonl": '{"id": "a"}\n{"id": "b"}\n' + "{\n" * 400_000})
    rows = forge.rows()
    assert [row.rule for row in rows.findings()] == ["too-many-lines"]
    assert rows.entry("one", "pages").valid
    assert rows.entry("a", "lines").fields["id"] == "a"


def test_a_message_and_the_name_of_a_field_are_cut() -> None:
    forge = Forge(block(STRICT))
    pages = {"a.md": f"---\nn: 1\n{'k' * 900}: 1\n---\n", "b.md": f"---\n&{'a' * 9000} x\n---\n"}
    forge.repository("acme/meta").push({**pages})
    found = forge.rows().findings()
    assert len(found) == 2
    for row in found:
        assert len(row.message) <= MAX_MESSAGE + 1
        assert len(row.field or "") <= MAX_NAME + 1
    place = Place(repository_id=1, path="x")
    assert finding(place, "dangling", "a" * 99_999).message == "a" * MAX_MESSAGE + "…"


def test_a_repository_lists_so_many_findings_and_one_that_counts_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors before warnings, then by path: the same ones in whatever order they were found."""
    monkeypatch.setattr(findings, "MAX_FINDINGS", 3)
    forge = Forge(rfc_block())
    forge.repository("acme/other")
    pages = {f"rfcs/p{n}.md": rfc("T", "banana") for n in range(9)}
    forge.repository("acme/meta").push({**pages, "rfcs/warned.md": "---\ntitle: T\nstate: idea\nodd: 1\n---\n"})
    found = forge.rows().findings()
    assert sorted(row.rule for row in found) == ["not-in-enum"] * 3 + ["too-many-findings"]
    assert sorted(row.path or "" for row in found) == ["", "rfcs/p0.md", "rfcs/p1.md", "rfcs/p2.md"]
    assert next(row for row in found if row.path is None).message.startswith("6 more findings")
    assert set(fewer(found[::-1])) == set(fewer(found))


def test_one_repository_takes_no_other_s_findings_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "MAX_FINDINGS", 2)
    many = [finding(Place(1, f"{n}"), "bad-line", "x") for n in range(9)]
    other = [finding(Place(2, "a"), "bad-line", "x"), finding(Place(), "dangling", "x")]
    kept = fewer([*many, *other])
    assert {row.repository_id for row in kept} == {1, 2, None}
    assert len(kept) == 5
