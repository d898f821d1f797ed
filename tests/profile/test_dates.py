"""Dates as people write them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.profile.block import Collection, bind, load_profile
from cache.profile.dates import read_date
from cache.profile.entry import Record, parse_file
from cache.profile.unread import Unread

Build = Callable[..., Collection]
Parse = Callable[..., Record]
RECORDS = bind(load_profile("adr"), parameters={"owner": "acme"}).collection("decisions")


def record(text: str, path: str = "docs/adr/0001-x.md") -> Record:
    captures = RECORDS.captures(path)
    assert captures is not None
    (read,) = parse_file(RECORDS, path, text.encode(), captures)
    return read


@pytest.mark.parametrize(
    "written",
    ["2018-02-05", "2018-2-5", "2018/02/05", "2018.02.05", "20180205", "5 Feb 2018", "05 February 2018",
     "5th of February 2018", "5-Feb-2018", "5. Feb. 2018", "February 5, 2018", "Feb. 5th, 2018", "feb 5 2018",
     "Monday, 5 February 2018", "Mon Feb 5 2018", "2018-02-05T10:00:00+01:00", "2018-02-05 10:00", "2018年2月5日",
     " 5  Feb\n2018 "],
)  # fmt: skip
def test_every_form_that_means_one_day_is_read(written: str) -> None:
    assert read_date(written) == "2018-02-05"


@pytest.mark.parametrize(("written", "day"), [("25/02/2018", "2018-02-25"), ("02/25/2018", "2018-02-25"),
                                              ("05/05/2018", "2018-05-05"), ("29.02.2024", "2024-02-29")])  # fmt: skip
def test_a_day_that_can_be_no_month_settles_which_is_which(written: str, day: str) -> None:
    assert read_date(written) == day


@pytest.mark.parametrize("written", ["05/02/2018", "5.2.2018", "05-02-2018", "05/02/18", "25/02/18"])
def test_what_may_be_two_days_is_ambiguous_and_never_a_guess(written: str) -> None:
    """R8: half of the world reads February, the other half May."""
    read = read_date(written)
    assert isinstance(read, Unread)
    assert read.rule == "ambiguous-date"
    assert "2018-02-05 or 2018-05-02" in read.detail or "2018-02-25" in read.detail


@pytest.mark.parametrize("written", ["soon", "2018-02-30", "31/02/2018", "2018-13-01", "5 Foo 2018", "2018", "1.2", ""])
def test_what_is_no_day_is_of_another_type(written: str) -> None:
    read = read_date(written)
    assert isinstance(read, Unread)
    assert read.rule == "wrong-type"


FORMS = ["%Y-%m-%d", "%Y/%m/%d", "%d %B %Y", "%B %d, %Y", "%d %b %Y", "%A, %d %B %Y"]


@given(st.dates(date(1000, 1, 1)), st.sampled_from(FORMS))
def test_every_day_comes_back(day: date, form: str) -> None:
    assert read_date(day.strftime(form)) == day.isoformat()


@given(st.text(max_size=30) | st.from_regex(r"[0-9a-z./, -]{1,20}", fullmatch=True))
def test_any_text_is_a_day_or_none(text: str) -> None:
    read = read_date(text)
    assert isinstance(read, Unread) or date.fromisoformat(read).isoformat() == read


def test_a_strict_field_takes_other_forms_only_where_it_says_so(collection: Build, parse: Parse) -> None:
    """Guards: an organisation that asked for one form, and is no longer told of another."""
    fields = "at: {type: date}\nany: {type: date, forms: any}\n"
    read = parse(collection(fields), "---\nat: 5 Feb 2018\nany: 5 Feb 2018\n---\n")
    assert (read.fields["any"], read.valid) == ("2018-02-05", False)
    assert [(found.rule, found.field) for found in read.problems] == [("wrong-type", "at")]


@pytest.mark.parametrize("place", ["---\ndate: {}\n---\n# T\n", "# T\n\nDate: {}\n", "# T\n\n## Date\n\n{}\n"])
def test_an_ambiguous_date_of_a_record_is_told_with_its_line_and_costs_only_itself(place: str) -> None:
    text = place.format("05/02/2018")
    read = record(text)
    assert (read.valid, read.fields["date"], read.fields["title"]) == (True, None, "T")
    line = text[: text.index("05/02")].count("\n") + 1
    assert [(one.rule, one.severity, one.line) for one in read.problems] == [("ambiguous-date", "warning", line)]


@pytest.mark.parametrize(
    ("text", "day"),
    [("5 Feb 2018", "2018-02-05"), ("Accepted on February 5th, 2018 by Ann", "2018-02-05"), ("unknown", None),
     ("{YYYY-MM-DD when it was last updated}", None), ("since 1.2.10", None), ("v1.2.2018", None)],
)  # fmt: skip
def test_the_date_of_a_record_is_found_in_what_stands_around_it(text: str, day: str | None) -> None:
    read = record(f"# T\n\nDate: {text}\n")
    assert (read.fields["date"], read.problems) == (day, ())


@pytest.mark.parametrize("name", ["20200926-use-x", "2020-09-26-use-x", "2020-09-26"])
def test_a_name_may_begin_with_the_date(name: str) -> None:
    read = record("# Use X\n", f"docs/adr/{name}.md")
    assert (read.fields["date"], read.fields["number"], read.fields["title"]) == ("2020-09-26", None, "Use X")
