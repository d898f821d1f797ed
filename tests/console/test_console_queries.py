"""What a page costs: so many statements, however much there is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from api_rows import NOW, branch, change, entry, finding, place, pull
from api_server import Cache
from console_loops import ONE_LOOP
from console_site import Site

from cache.queries import counting
from cache.viewer import EVERYTHING
from daemon.console import chart

MOST = {
    "": 6, "pulls": 5, "findings": 3, "repositories": 2, "changes": 3, "c/rfc/rfcs": 4, "c/rfc/rfcs/alpha": 8,
    "c/rfc/rfcs/beta": 10, "c/rfc/rfcs/delta": 6, "c/rfc/rfcs/alpha/revisions": 5, "c/rfc/rfcs/alpha/revisions/1": 6,
    "c/rfc/rfcs/alpha/revisions/1/diff/2": 4, "c/rfc/rfcs/alpha/revisions/2/diff/head": 4, "pulls/acme/meta/1": 5,
    "c/rfc/rfcs/beta/proposals/acme/meta/1": 2,
}  # fmt: skip


@ONE_LOOP
@pytest.mark.parametrize("path", MOST)
async def test_a_page_costs_few_statements(same_site: Site, path: str) -> None:
    """Statement by statement is how a page becomes slow where there is much; an entry with findings costs two more."""
    await same_site.page(path)
    with same_site.statements() as asked:
        await same_site.page(path)
    assert len(asked) == MOST[path], "\n".join(asked)


async def test_the_cost_does_not_grow_with_what_there_is(site: Site) -> None:
    for number in range(40):
        key = f"more{number}"
        await site.cache.put(
            entry(key), branch("alpha", f"b{number}"), pull(100 + number), place(100 + number, "alpha"),
            change(10 + number), finding(f"more{number}", key=key),
        )  # fmt: skip
    for path in ("", "pulls", "findings", "c/rfc/rfcs", "c/rfc/rfcs/alpha"):
        with site.statements() as asked:
            await site.page(path)
        assert len(asked) == MOST[path], path


async def test_open_pulls_are_counted_by_kind_and_age(cache: Cache) -> None:
    day = 86_400
    ages = {50: day / 2, 51: 3 * day, 52: 20 * day, 53: 300 * day}
    for number, seconds in ages.items():
        await cache.put(pull(number, opened_at=NOW - timedelta(seconds=seconds)), place(number, "alpha", "edit"))
    await cache.put(pull(54, opened_at=NOW), pull(55, state="closed"), pull(56, gone=True))
    async with cache.database.read() as connection:
        found = {one.kind: one.ages for one in await counting.pulls_waiting(connection, EVERYTHING, NOW)}
    assert found["edit"] == (1, 1, 1, 1)
    assert found[""] == (1, 0, 0, 0), "one that is no entry's waits as well; closed ones and those gone do not"
    assert list(found)[-1] == ""


def test_a_chart_without_changes_is_flat() -> None:
    made = chart.chart({}, NOW)
    assert (made.top, made.total, len(made.bars)) == (0, 0, chart.HOURS)
    assert {bar.height for bar in made.bars} == {0.0}
    one = chart.chart({made.bars[5].hour: 1, made.bars[6].hour: 1000}, NOW)
    assert one.bars[5].height >= 2, "a single change can be seen beside a thousand"
    assert one.bars[6].height == chart.HEIGHT
