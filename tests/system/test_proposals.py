"""What open pull requests would change: entries as they would be, with what would be wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from comparing import Witness
from harness import META, System, rfc
from test_cases import HOME, active, proven

from cache.revision_rows import ProposalRow

pytestmark = pytest.mark.flavours("forgejo")


async def proposals(system: System) -> dict[tuple[str, str], Any]:
    """Proposals by collection and key."""
    return {(row.collection, row.key): row for row in (await system.table(ProposalRow)).values()}


async def test_entries_are_added_changed_and_removed_as_they_would_be(system: System, witness: Witness) -> None:
    await system.forge.commit(META, {"rfcs/a.md": rfc("A"), "rfcs/b.md": rfc("B"), "rfcs/c.md": rfc("C")})
    files = {"rfcs/a.md": rfc("A2", "active"), "rfcs/b.md": None, "rfcs/new.md": rfc("New", tags=["x"]), "x.txt": "x"}
    head = await system.forge.commit(META, files, branch="topic", start="main")
    number = await system.forge.open_pull(META, "topic")
    await proven(system, witness)
    found = await proposals(system)
    told = {key: (row.change, row.title, row.valid, row.number, row.head_sha) for (_, key), row in found.items()}
    assert told == {
        "a": ("changed", "A2", True, number, head), "b": ("removed", "B", True, number, head),
        "new": ("added", "New", True, number, head),
    }  # fmt: skip
    assert found["rfcs", "a"].fields["state"] == "active"
    assert found["rfcs", "new"].fields["tags"] == ["x"]


async def test_what_would_be_wrong_is_told_with_it(system: System, witness: Witness) -> None:
    """Guards a review that sees the fault before it is merged."""
    files = {"rfcs/bad.md": rfc("Bad", "banana"), "rfcs/lost.md": rfc("Lost", repo="acme/nowhere")}
    await system.forge.commit(META, {"rfcs/a.md": rfc("A")})
    await system.forge.commit(META, files, branch="topic", start="main")
    await system.forge.open_pull(META, "topic")
    await proven(system, witness)
    found = {key: row for (_, key), row in (await proposals(system)).items()}
    assert [(each["rule"], each["field"]) for each in found["bad"].findings] == [("not-in-enum", "state")]
    assert [(each["rule"], each["field"]) for each in found["lost"].findings] == [("dangling", "repo")]
    assert (found["bad"].valid, found["lost"].valid) == (False, True)


async def test_the_newest_head_counts_and_an_end_takes_it_away(system: System, witness: Witness) -> None:
    await system.forge.commit(META, {"rfcs/a.md": rfc("A")})
    await system.forge.commit(META, {"rfcs/a.md": rfc("One")}, branch="topic", start="main")
    number = await system.forge.open_pull(META, "topic")
    await system.settle()
    assert [row.title for row in (await proposals(system)).values()] == ["One"]
    await system.forge.commit(META, {"rfcs/a.md": rfc("Two")}, branch="topic")
    await system.settle()
    assert [row.title for row in (await proposals(system)).values()] == ["Two"]
    await system.forge.merge(META, number)
    await proven(system, witness)
    assert await proposals(system) == {}


async def test_what_the_default_branch_says_already_is_no_proposal(system: System, witness: Witness) -> None:
    """Guards against pull requests that would change nothing any more."""
    await system.forge.commit(META, {"rfcs/a.md": rfc("A"), "rfcs/b.md": rfc("B")})
    files = {"rfcs/a.md": rfc("A2"), "rfcs/b.md": rfc("B2")}
    await system.forge.commit(META, files, branch="topic", start="main")
    await system.forge.open_pull(META, "topic")
    await system.forge.commit(META, {"rfcs/a.md": rfc("A2")})
    await proven(system, witness)
    assert [key for _, key in await proposals(system)] == ["b"]


async def test_a_line_of_a_diary_is_a_proposal_of_its_own(system: System, witness: Witness) -> None:
    """Guards files of many entries: each line is one."""

    def line(number: int, person: str = "ada") -> str:
        of = {"id": f"l{number}", "action_kind": "k", "repo": META, "pr_number": number, "on_behalf_of": person}
        return json.dumps(of) + "\n"

    await system.forge.commit(META, {"audit/1.jsonl": line(1) + line(2)})
    await system.forge.commit(META, {"audit/1.jsonl": line(1, "bob") + line(3)}, branch="topic", start="main")
    await system.forge.open_pull(META, "topic")
    await system.forge.commit(META, {"audit/1.jsonl": line(1) + line(2) + line(4)})
    await proven(system, witness)
    found = {key: (row.change, row.line) for (_, key), row in (await proposals(system)).items()}
    assert found == {"l1": ("changed", 1), "l2": ("removed", 2), "l3": ("added", 2)}


async def test_the_document_of_an_active_request_is_proposed_in_its_own_repository(
    system: System, witness: Witness
) -> None:
    await active(system)
    await system.forge.commit(HOME, {"RFC.md": "# Second\n"}, branch="work", start="main")
    await system.forge.open_pull(HOME, "work")
    await proven(system, witness)
    row = (await proposals(system))["rfcs", "a"]
    assert (row.part, row.change, row.body, row.title) == ("document", "changed", "# Second\n", "A")


async def test_a_pull_request_for_an_entry_of_another_file_says_whose_the_key_is(
    system: System, witness: Witness
) -> None:
    """Guards what a merge would make a finding of: the key is taken."""
    one, other = (f'{{"id": "x", "action_kind": "{kind}", "repo": "acme/meta"}}\n' for kind in ("k", "other"))
    await system.forge.commit(META, {"audit/1.jsonl": one})
    await system.forge.commit(META, {"audit/2.jsonl": other}, branch="topic", start="main")
    await system.forge.open_pull(META, "topic")
    await proven(system, witness)
    row = (await proposals(system))["actions", "x"]
    assert [each["rule"] for each in row.findings] == ["duplicate-key-claim"]
