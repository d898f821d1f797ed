"""What pull requests say of private repositories stays among those who see these."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from api_rows import EPOCH, entry, place, proposal, pull, repository, revision
from api_server import Cache
from api_tokens import Kept
from console_site import Site, serve

from daemon.api.access import Access

SECRET = "theirs"
"""What stands in every text that is not public, and is the key of an entry that is not."""
PAGES_OF_IT = (
    "", "/revisions", "/revisions/1", "/revisions/1?as=rendered", "/revisions/latest-merged", "/revisions/1/diff/head",
    "/revisions/1/diff/2", "/proposals/other/meta/5",
)  # fmt: skip


@pytest.fixture
async def stranger(cache: Cache) -> AsyncIterator[Site]:
    """The console as a stranger sees it: a private repository has an entry of its own, and touches one that is not."""
    hidden: dict[str, Any] = {"repository_id": 9, "number": 5, "pr_branch": SECRET}
    merged: dict[str, Any] = {"merged_at": EPOCH, "pr_state": "merged", "merged_content": SECRET}
    await cache.put(
        repository(9, "other/meta", private=True), entry(SECRET, repository_id=9),
        pull(5, 9, title=SECRET), place(5, SECRET, repository_id=9),
        revision(1, SECRET, entry_repository_id=9, content=SECRET, **hidden, **merged),
        revision(2, SECRET, entry_repository_id=9, content=SECRET, repository_id=9, number=6),
        proposal(SECRET, "changed", 5, repository_id=9, title=SECRET),
        revision(3, content=SECRET, **hidden),
        revision(4, rule="field", content="Told by the entry itself.\n", **{**hidden, "number": 7}, **merged),
        proposal("gamma", "changed", 5, repository_id=9, title=SECRET),
    )  # fmt: skip
    access = Access(Kept(), lambda: cache.now)
    async with serve(cache, access=access) as site:
        yield site
    await access.stop()


@pytest.mark.parametrize("part", PAGES_OF_IT)
async def test_a_hidden_key_answers_as_one_that_is_not_there(stranger: Site, part: str) -> None:
    _, hidden = await stranger.answer(f"/console/c/rfc/rfcs/{SECRET}{part}", status=404)
    _, absent = await stranger.answer(f"/console/c/rfc/rfcs/nobody{part}", status=404)
    assert hidden.replace(SECRET, "nobody") == absent


@pytest.mark.parametrize(
    "path",
    [
        "", "pulls", "changes", "c/rfc/rfcs", "c/rfc/rfcs/alpha", "c/rfc/rfcs/gamma", "c/rfc/rfcs/alpha/revisions",
        "c/rfc/rfcs/alpha/revisions/1", "c/rfc/rfcs/alpha/revisions/2", "c/rfc/rfcs/alpha/revisions/4",
    ],
)  # fmt: skip
async def test_what_a_private_pull_request_says_is_on_no_page(stranger: Site, path: str) -> None:
    page = await stranger.page(path)
    assert SECRET not in page.source
    assert "other/meta" not in page.source


async def test_only_revisions_that_are_seen_stand_beside_each_other(stranger: Site) -> None:
    """A step to a version that answers 404 would tell that it is there; so would the merge of a hidden one."""
    page = await stranger.page("c/rfc/rfcs/alpha/revisions/2")
    assert page.root.one("a", rel="next").text == "v4 →"
    assert "the latest merged, v1" in page.text
    own = await stranger.page("c/rfc/rfcs/alpha/revisions/4")
    assert "Told by the entry itself." in own.text
    assert page.root.one("a", rel="prev").text == "← v1"
    for path in ("c/rfc/rfcs/alpha/revisions/3", "c/rfc/rfcs/alpha/revisions/2/diff/3", "pulls/other/meta/5",
                 "c/rfc/rfcs/gamma/proposals/other/meta/5"):  # fmt: skip
        assert SECRET not in (await stranger.page(path, status=404)).source


async def test_a_document_that_is_hidden_is_not_told_by_a_proposal(stranger: Site) -> None:
    """An entry may be public and its document not: what a proposal is held against must not give it away."""
    await stranger.cache.put(
        entry("open", document_repository_id=9, document_path="RFC.md", document_body=SECRET, body=SECRET),
        proposal("open", "changed", 1, part="document", body="Public.\n", title="Open"),
    )
    assert SECRET not in (await stranger.page("c/rfc/rfcs/open/proposals/acme/meta/1?as=unified")).source
