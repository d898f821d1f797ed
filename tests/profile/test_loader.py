"""Reading profiles: what is wrong with one is told all at once, each mistake with its line."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.profile.block import bind, load_profile
from cache.profile.format import profile_schema
from cache.profile.loader import read_profile, shipped
from cache.profile.problems import ProfileError

SMALL = """\
format: 1
profile: sample
collections:
  docs:
    files: {repository: acme/docs, path: "docs/{slug}.md"}
    key: [slug]
"""


def mistakes(text: str) -> list[tuple[int, str]]:
    """The line and the rule of every mistake in a profile."""
    with pytest.raises(ProfileError) as caught:
        read_profile(dedent(text), "sample.yaml")
    return [(problem.line, problem.rule) for problem in caught.value.problems]


def test_the_smallest_profile() -> None:
    docs = bind(read_profile(SMALL)).collection("docs")
    assert (docs.format, docs.title, docs.unknown_fields, docs.fields) == ("md", "docs", "keep", ())


def test_every_mistake_of_form_is_told_at_once() -> None:
    """Mending a profile one message at a time is nobody's idea of an afternoon."""
    text = """\
        format: 2
        profile: sample
        parametres: {}
        collections:
          docs:
            file: {repository: a/b}
            key: slug
            unknown_fields: ignore
            fields:
              title: {type: strng}
              state: {type: enum, valuse: [a]}
              owners:
                type: list
                of: {type: usr}
            pulls:
              - {repository: a/b, head: "x/{slug}"}
            actor: [opner, {trailers: X}]
            revisions: {rule: pull-request}
        views:
          v: {columns: {a: 1}}
        """
    assert mistakes(text) == [
        (1, "wrong-value"),
        (3, "unknown-key"),
        (5, "missing-key"),
        (6, "unknown-key"),
        (7, "wrong-type"),
        (8, "wrong-value"),
        (10, "wrong-value"),
        (11, "unknown-key"),
        (14, "wrong-value"),
        (16, "missing-key"),
        (17, "unknown-key"),
        (17, "wrong-value"),
        (18, "wrong-value"),
        (20, "missing-key"),
        (20, "wrong-type"),
    ]


def test_every_mistake_of_sense_is_told_at_once() -> None:
    text = """\
        format: 1
        profile: sample
        parameters:
          use: {type: string}
          meta: {type: repository, required: true, default: a/b}
          bot: {type: string}
        collections:
          docs:
            files: {repository: "{param.mata}", path: "docs/{slug}.md"}
            key: [slog]
            body: title
            label: tittle
            indexes: [[title], [stat]]
            search: [title, texts]
            fields:
              title: {type: string}
              limit: {type: integer}
              a__b: {type: string}
              state: {type: enum}
              score: {type: integer, minimum: 5, maximum: 1}
              when: {type: date, default: soon}
              parent: {type: ref, to: dosc}
              link: {type: url, values: [x]}
              list: {type: list, of: enum}
              again: {type: string, from: title}
            document: {when: {stat: x}, repository: "{field.title}", path: "{x}.md"}
            branches: {repository: "{param.meta}"}
            pulls:
              - {repository: "{param.meta}", head: "x/{slug", kind: a}
              - {repository: "{param.meta}", head: "x/{name}", kind: b}
              - {repository: nonsense, kind: c}
            actor: [{audit: log}, {trailer: X, bot: y}, bot]
            revisions: {rule: field, field: pr_url}
          Log:
            files: {repository: "{param.meta}", path: "log/../{x}.jsonl"}
            key: [x]
        views:
          docs-view:
            from: docs
            columns: {a: titel, A: title}
          other: {from: dox, columns: {a: key.slug}}
          pulls: {from: revisions, of: docs, columns: {a: kind}}
        """
    found = mistakes(text)
    assert found == sorted(found)
    assert {
        (4, "reserved-name"),
        (5, "bad-default"),
        (9, "unknown-parameter"),
        (10, "bad-key"),
        (11, "reserved-name"),
        (12, "unknown-field"),
        (13, "unknown-field"),
        (14, "unknown-field"),
        (17, "reserved-name"),
        (18, "bad-name"),
        (19, "wrong-value"),
        (20, "wrong-value"),
        (21, "bad-default"),
        (22, "unknown-collection"),
        (23, "wrong-value"),
        (24, "wrong-value"),
        (25, "duplicate-source"),
        (26, "unknown-field"),
        (26, "wrong-type"),
        (26, "bad-path"),
        (27, "wrong-value"),
        (29, "bad-head"),
        (30, "bad-head"),
        (31, "wrong-value"),
        (31, "bad-head"),
        (32, "unknown-collection"),
        (32, "wrong-value"),
        (32, "unknown-parameter"),
        (33, "unknown-field"),
        (34, "bad-name"),
        (35, "bad-path"),
        (38, "bad-name"),
        (40, "bad-name"),
        (40, "bad-column"),
        (41, "unknown-collection"),
        (42, "bad-column"),
    } == set(found)


def test_a_message_names_the_place_and_the_nearest_word() -> None:
    with pytest.raises(ProfileError, match=r"sample.yaml:7: .*'fieldz'; did you mean 'fields'\?"):
        read_profile(SMALL + "    fieldz: {}\n", "sample.yaml")


@pytest.mark.parametrize(
    "word", ["limit", "cursor", "sort", "q", "wait_for", "timeout", "next", "key", "valid", "body"]
)
def test_a_field_must_not_be_called_as_a_word_of_queries_or_answers(word: str) -> None:
    """`?limit=3` could not mean the field, and an answer could not carry both."""
    assert mistakes(SMALL + f"    fields: {{{word}: {{type: string}}}}\n") == [(7, "reserved-name")]


def test_a_field_with_such_a_name_can_be_read_from_its_key() -> None:
    profile = read_profile(SMALL + "    fields: {ordering: {type: string, from: sort}}\n")
    assert bind(profile).collection("docs").field("ordering").source == "sort"


@pytest.mark.parametrize("word", ["repositories", "pulls", "findings", "changes", "events", "status", "reports"])
def test_a_profile_must_not_be_called_as_an_address(word: str) -> None:
    assert mistakes(SMALL.replace("sample", word)) == [(2, "reserved-name")]


@pytest.mark.parametrize("word", ["use", "name", "view_prefix"])
def test_a_parameter_must_not_be_called_as_a_key_of_the_configuration(word: str) -> None:
    assert mistakes(SMALL + f"parameters: {{{word}: {{type: string}}}}\n") == [(7, "reserved-name")]


@pytest.mark.parametrize(("value", "line"), [("activ", 9), ("[active]", 9)])
def test_a_condition_that_can_never_hold_is_a_mistake(value: str, line: int) -> None:
    """The document would never be read, and nothing would say why."""
    text = SMALL + (
        "    fields: {state: {type: enum, values: [idea, active]}, repo: {type: repository}}\n"
        f'    document:\n      when: {{state: {value}}}\n      repository: "{{field.repo}}"\n      path: RFC.md\n'
    )
    assert [at for at, _ in mistakes(text)] == [line]


def test_collections_may_be_called_as_addresses() -> None:
    """They stand below their block; only the short address is not offered."""
    assert bind(read_profile(SMALL.replace("docs:", "changes:"))).collection("changes").name == "changes"


@pytest.mark.parametrize(
    ("path", "rules"),
    [("docs/{name}.md", ["overlap"]), ("docs/x.md", ["overlap"]), ("**", ["overlap"]), ("other/{name}.md", [])],
)
def test_two_collections_must_not_claim_one_file(path: str, rules: list[str]) -> None:
    key = "name" if "{" in path else "title"
    text = SMALL + (
        f'  more:\n    files: {{repository: acme/docs, path: "{path}"}}\n    key: [{key}]\n'
        "    fields: {title: {type: string}}\n"
    )
    if rules:
        assert mistakes(text) == [(8, "overlap")]
    else:
        assert len(bind(read_profile(text)).collections) == 2


@pytest.mark.parametrize(
    ("text", "line", "rule"),
    [
        ("", 1, "wrong-type"),
        ("- a\n", 1, "wrong-type"),
        ("format: 1\nformat: 1\n", 2, "duplicate-key"),
        ("format: 1\na: &x 1\n", 2, "yaml-alias"),
        ("format: 1\n  x: [\n", 2, "yaml-syntax"),
        ("[" * 60_000, 1, "yaml-too-deep"),
        ("format: 1\nx: \0", 2, "bad-text"),
    ],
)
def test_a_file_that_is_no_profile(text: str, line: int, rule: str) -> None:
    with pytest.raises(ProfileError) as caught:
        read_profile(text.encode())
    assert [(problem.line, problem.rule) for problem in caught.value.problems] == [(line, rule)]


def test_a_profile_is_found_by_name_the_given_folders_first(tmp_path: Path) -> None:
    (tmp_path / "rfc.yaml").write_text(SMALL)
    assert load_profile("rfc", [tmp_path / "absent", tmp_path]).name == "sample"
    assert load_profile("rfc").name == "rfc"
    assert load_profile(tmp_path / "rfc.yaml").name == "sample"


@pytest.mark.parametrize("name", ["rfcs", "..", "", "a b"])
def test_a_missing_profile_says_which_there_are(name: str) -> None:
    with pytest.raises(ProfileError, match=r"there are .*\brfc\b"):
        load_profile(name)


def test_an_unreadable_file_is_told_by_its_path(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.yaml"):
        with pytest.raises(ProfileError, match=str(path)):
            load_profile(str(path))


@pytest.mark.parametrize("path", sorted(shipped().glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_profile_is_right(path: Path) -> None:
    assert load_profile(path).name == path.stem


def test_the_schema_is_closed_everywhere() -> None:
    """A key that is silently without effect is the worst kind of mistake."""
    definitions = [of for of in profile_schema()["$defs"].values() if of["type"] == "object"]
    assert definitions
    assert all(of.get("additionalProperties") is False for of in definitions)


LINES = st.sampled_from(
    ["format: 1", "profile: x", "collections:", "  docs:", "    key: [a]", "    files: {path: a}", "views: 3",
     "    fields:", "      a: {type: list, of: {}}", "      b: 1", "    actor: [1, {}]", "parameters: [a]"]
)  # fmt: skip


@given(st.one_of(st.text(max_size=60), st.lists(LINES, max_size=10).map("\n".join)))
def test_any_text_is_a_profile_or_an_error_with_problems(text: str) -> None:
    try:
        read_profile(text)
    except ProfileError as error:
        assert error.problems  # noqa: PT017 - either outcome is right


READERS = """\
    format: 1
    profile: sample
    parameters:
      repository: {type: repository}
      owner: {type: user}
      needed: {type: user, required: true}
    collections:
      docs:
        files: {repository: {name: x}, path: "docs/{slug}.md"}
        key: [path, slug]
        lenient: true
        fields:
          a: {type: string, from: {section: S, line: L}}
          b: {type: string, from: [{capture: slog}, {key: k, extract: "("}]}
          c: {type: string, split: ","}
          d: {type: list, of: string, split: "[", extract: x}
          e: {type: date, case: lower}
          f: {type: string, required: true}
          g: {type: string, match: a, within: folder, dangling: ignore}
          h: {type: ref, to: docs, match: nothing}
          i: {type: ref, to: docs, within: folder}
          j: {type: string, from: [{key: a}, x]}
          k: {type: list, dangling: ignore, of: {type: ref, to: docs, match: d}}
          l: {type: object, fields: {m: {type: string, from: {line: M}}, n: {type: string, extract: "["}}}
      other:
        files: {repository: {repository: "{param.repository}", owner: "{param.needed}"}, path: "o/{path}.json"}
        key: [slug]
        fields:
          a: {type: string, from: heading}
          b: {type: string, from: {line: B}}
      third:
        files: {repository: {repository: "{param.repository}", owner: "{param.owner}"}, path: "{param.needed}/{x}.md"}
        key: [repository, path]
    """


def test_mistakes_in_how_files_are_chosen_and_read_are_told_at_once() -> None:
    assert mistakes(READERS) == [
        (9, "missing-key"),
        (10, "bad-key"),
        (13, "wrong-value"),
        (14, "bad-expression"),
        (14, "unknown-capture"),
        (15, "wrong-value"),
        (16, "bad-expression"),
        (16, "wrong-value"),
        (17, "wrong-value"),
        (18, "wrong-value"),
        (19, "wrong-value"),
        (19, "wrong-value"),
        (19, "wrong-value"),
        (20, "unknown-field"),
        (21, "wrong-value"),
        (22, "duplicate-source"),
        (23, "wrong-type"),
        (23, "wrong-value"),
        (24, "bad-expression"),
        (24, "wrong-value"),
        (26, "reserved-name"),
        (26, "wrong-value"),
        (27, "bad-key"),
        (29, "wrong-value"),
        (30, "wrong-value"),
    ]
