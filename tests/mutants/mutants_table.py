"""Faults that the tests must notice: each one text of the source, what it becomes, and the tests that fail then.

They are those that once survived, and others of their kinds: orders between two writes, the proof of a deletion,
what a memo follows from, limits, and checks that keep strangers out. Where a change of the source makes one of them
impossible to write down, put another in its place: `python tests/mutants/run.py TEXT` tries one.
"""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """One fault: `edits` are made in `file`, each before standing there exactly once; some of `tests` then fail."""

    what: str
    file: str
    edits: tuple[tuple[str, str], ...]
    tests: tuple[str, ...]


def _one(what: str, file: str, before: str, after: str, *tests: str) -> Mutant:
    return Mutant(what, file, ((before, after),), tests)


_COMMITS = "tests/ordering/test_commits.py"
_LOOKS = "tests/ordering/test_reconciling.py"
_KEPT_FIRST = f"{_COMMITS}::test_what_is_published_is_kept_first_and_what_is_gone_has_its_tombstone_first"
_DATABASE = "tests/state/test_database.py"
_MEMO = "tests/cache/test_memo.py"

_ORDERS = (
    Mutant(
        "the mark of the inbox is taken after the read",
        "daemon/reconciler.py",
        (
            ("        mark = await self._inbox.mark() if awaited else 0\n", ""),
            (
                "            await self._inbox.finish(repository_id, mark, self.book.clock())",
                "            mark = await self._inbox.mark()\n"
                "            await self._inbox.finish(repository_id, mark, self.book.clock())",
            ),
        ),
        (f"{_LOOKS}::test_a_delivery_that_comes_while_a_look_reads_is_not_settled_by_that_look",),
    ),
    _one(
        "deliveries of a failed reconcile are forgotten",
        "daemon/reconciler.py",
        "                self.awaited.add(repository_id)",
        "                pass",
        f"{_LOOKS}::test_deliveries_of_a_look_that_failed_are_settled_by_the_one_that_succeeds",
    ),
    _one(
        "the name is not compared by id after the read",
        "daemon/reading.py",
        "if fresh.full_name != repository.full_name:",
        "if False:",
        f"{_LOOKS}::test_what_was_read_under_a_name_that_is_anothers_by_now_is_discarded",
    ),
    Mutant(
        "revisions are kept in state.db only after cache.db was written",
        "daemon/book.py",
        (
            (
                "            tombstones = await self.graves.keep(tombstones, self._unpublished(world, page))\n",
                "            fresh = self._unpublished(world, page)\n",
            ),
            (
                "            await self.graves.raise_up(risen)\n            return applied",
                "            await self.graves.raise_up(risen)\n"
                "            kept = await self.graves.keep(self.world.tombstones, fresh)\n"
                "            self.world = replace(self.world, tombstones=kept)\n"
                "            return applied",
            ),
        ),
        (_KEPT_FIRST,),
    ),
    _one(
        "a commit can be cancelled",
        "cache/store/database.py",
        "yield connection\n                    await finish(connection.commit())",
        "yield connection\n                    await connection.commit()",
        f"{_DATABASE}::test_a_commit_that_was_begun_is_ended_before_the_cancellation_is_raised",
    ),
    _one(
        "every look is counted as changed",
        "daemon/reconciler.py",
        'outcome = "changed" if self.book.store.applied > applied else "same"',
        'outcome = "changed"',
        f"{_LOOKS}::test_a_look_is_counted_as_changed_only_where_rows_changed",
    ),
    Mutant(
        "tombstones are written after the rows went",
        "daemon/book.py",
        (
            (
                "            tombstones = await self.graves.bury(world.tombstones, buried)\n",
                "            tombstones = _with(world.tombstones, buried)\n",
            ),
            (
                "            await self.graves.raise_up(risen)\n",
                "            await self.graves.bury(world.tombstones, buried)\n"
                "            await self.graves.raise_up(risen)\n",
            ),
            ("from daemon.graves import FreshHeads, Graves\n", "from daemon.graves import FreshHeads, Graves, _with\n"),
        ),
        (_KEPT_FIRST,),
    ),
    Mutant(
        "tombstones go before the rows are back",
        "daemon/book.py",
        (
            ("            await self.graves.raise_up(risen)\n", ""),
            (
                "            world = replace(world, tombstones=tombstones)\n            # beside",
                "            await self.graves.raise_up(risen)\n"
                "            world = replace(world, tombstones=tombstones)\n            # beside",
            ),
        ),
        (_KEPT_FIRST,),
    ),
    _one(
        "sequence numbers are used before they are reserved",
        "cache/store/writer.py",
        "self._reserved = await self._reserve(max(count, RESERVE))",
        "self._reserved = range(self.sequence + 1, self.sequence + 1 + max(count, RESERVE))",
        _KEPT_FIRST,
    ),
    _one(
        "a rebuild keeps no heads in state.db",
        "daemon/commands.py",
        "        heads=_found_heads(desk.book.world, world),\n",
        "",
        f"{_COMMITS}::test_a_rebuild_keeps_the_same_orders",
    ),
    _one(
        "a delivery is settled before its rows are written",
        "daemon/reconciler.py",
        "        if repository is None or interest is None:\n",
        "        if awaited:\n"
        "            await self._inbox.finish(repository_id, mark, self.book.clock())\n"
        "        if repository is None or interest is None:\n",
        _KEPT_FIRST,
    ),
    _one(
        "state.db may lose its last commits in a power cut",
        "cache/state.py",
        'synchronous="FULL"',
        'synchronous="NORMAL"',
        f"{_COMMITS}::test_a_commit_of_state_db_is_on_the_disk_before_it_returns",
    ),
)

_MEMOS = (
    _one(
        "a memo without the branch rules",
        "cache/projection/revisions.py",
        "(collection, history, pull, rules",
        "(collection, history, pull",
        f"{_MEMO}::test_the_branch_rules_of_a_repository_that_another_bears_the_name_of_now",
    ),
    _one(
        "a memo without the key of the document's entry",
        "cache/projection/revisions.py",
        "history, pull, parts, claim.repository_id",
        "history, pull, claim.repository_id",
        f"{_MEMO}::test_the_key_of_the_entry_whose_document_it_is",
    ),
    _one(
        "a memo without the repository of the document's entry",
        "cache/projection/revisions.py",
        "history, pull, parts, claim.repository_id",
        "history, pull, parts",
        f"{_MEMO}::test_the_repository_of_the_entry_whose_document_it_is",
    ),
    _one(
        "a memo without what references lead to",
        "cache/projection/project.py",
        "values = (targets, tuple(at.items()), outside)",
        "values = (tuple(at.items()), outside)",
        f"{_MEMO}::test_what_the_references_of_an_entry_lead_to",
    ),
)

_PROOFS = (
    _one(
        "pages that end before the promised total are the whole list",
        "gitea_client/paging.py",
        "            if total is not None and got < total:\n                raise Short",
        "            if False:\n                raise Short",
        "tests/client/test_client_rest.py::test_a_page_with_fewer_items_than_promised_is_an_error",
    ),
    _one(
        "an answer without its flush packet is all there is",
        "gitea_client/pktline.py",
        '    raise Malformed(f"{what}: the answer ends without its final flush packet")',
        "    return lines",
        "tests/client/test_client_pktline.py::test_no_part_of_an_answer_passes_for_the_whole",
    ),
    _one(
        "a null id is a ref",
        "gitea_client/pktline.py",
        'if not found["id"].strip(b"0"):',
        "if False:",
        "tests/client/test_client_pktline.py::test_answers_that_prove_nothing",
    ),
    _one(
        "a 404 buries a repository that the complete list still has",
        "daemon/reconciler.py",
        "if any(item.id == repository.id for item in listing.items):",
        "if False:",
        f"{_LOOKS}::test_a_404_without_a_list_that_lacks_it_buries_no_repository",
    ),
    _one(
        "a 404 buries a pull request whose ref is there",
        "daemon/pull_reading.py",
        "if number in listing.pulls and number in pulls:",
        "if False:",
        f"{_LOOKS}::test_a_404_for_a_pull_request_whose_ref_is_there_buries_nothing",
    ),
    _one(
        "what a list lacks is gone, whatever the forge says of its id",
        "daemon/sweep/sweeper.py",
        "current = repository_of(await self._rest.repository_by_id(repository.id))\n        except Missing:",
        "raise Missing('it is not in the list')\n        except Missing:",
        "tests/system/test_regressions.py::"
        "test_a_repository_that_was_given_away_and_then_deleted_takes_its_rows_with_it[gitea]",
    ),
    _one(
        "most of what is known goes at once, on the word of one list",
        "daemon/sweep/sweeper.py",
        "if len(absent) >= BRAKE and 2 * len(absent) > len(ours):",
        "if False:",
        "tests/system/test_faults.py::test_a_list_that_lacks_most_of_what_is_known_is_not_believed",
    ),
    _one(
        "a rebuild that failed in part takes the place of what there was",
        "daemon/commands.py",
        "        if report.errors:\n            return report",
        "        if False:\n            return report",
        f"{_COMMITS}::test_a_rebuild_that_failed_in_part_changes_nothing",
    ),
    _one(
        "a rebuild forgets whose repositories may be read",
        "daemon/commands.py",
        "            people=world.people,\n",
        "            people=world.people,\n            owners=None,\n",
        "tests/system/test_rights.py::test_after_a_rebuild_a_repository_of_others_is_read_as_little_as_before[gitea]",
    ),
    _one(
        "a number is given before every owner was listed to the end",
        "cache/projection/revisions.py",
        "if not fresh or not world.complete:",
        "if not fresh:",
        "tests/cache/test_revision_numbers.py",
    ),
    _one(
        "a text that was published is replaced",
        "cache/kept_revisions.py",
        "func.coalesce(table.c.content_hash, new.content_hash)",
        "func.coalesce(new.content_hash, table.c.content_hash)",
        "tests/state/test_state.py::test_a_published_revision_gets_its_content_once_and_for_ever",
    ),
    _one(
        "a reconcile settles what came after its mark",
        "webhooks/inbox.py",
        "(table.c.repository_id == repository_id) & (table.c.id <= upto), at)",
        "(table.c.repository_id == repository_id), at)",
        "tests/webhooks/test_inbox.py::test_a_reconcile_settles_only_what_came_before_it_began",
    ),
)

_GATES = (
    _one(
        "any signature is right",
        "webhooks/signature.py",
        "matched |= hmac.compare_digest(expected, each)",
        "matched |= True",
        "tests/webhooks/test_signature.py::test_nothing_less_than_the_digest_is_accepted",
    ),
    _one(
        "a signature is right that begins like the right one",
        "webhooks/signature.py",
        "matched |= hmac.compare_digest(expected, each)",
        "matched |= expected.startswith(each)",
        "tests/webhooks/test_signature.py::test_nothing_less_than_the_digest_is_accepted",
    ),
    _one(
        "a redirect is followed",
        "gitea_client/transport.py",
        "allow_redirects=False",
        "allow_redirects=True",
        "tests/client/test_client_transport.py::test_a_redirect_leads_nowhere",
    ),
    _one(
        "git may speak any protocol",
        "gitea_client/program.py",
        '"GIT_ALLOW_PROTOCOL": "http:https"',
        '"GIT_ALLOW_PROTOCOL": "http:https:ext"',
        "tests/client/test_git_limits.py::test_git_is_given_a_list_of_ours",
    ),
    _one(
        "any text is an object format",
        "gitea_client/allowed.py",
        "if value not in OBJECT_FORMATS:",
        "if False:",
        "tests/client/test_allowed.py::test_git_has_two_object_formats",
    ),
    _one(
        "every name is ours on loopback",
        "daemon/hosts.py",
        "return name in known or",
        "return bool(known) or",
        "tests/serving/test_hosts.py::test_a_name_that_somebody_pointed_here_is_not",
    ),
    _one(
        "a token opens after its time",
        "daemon/api/access.py",
        "if token.expires_at is not None and token.expires_at <= now:",
        "if False:",
        "tests/access/test_tokens.py::test_wrong_expired_and_revoked_are_one_answer",
    ),
    _one(
        "what nobody can say the rights of is shown",
        "cache/queries/visible.py",
        "        found.append(func.coalesce(private, 1) == 0)",
        "        found.append(func.coalesce(private, 0) == 0)",
        "tests/access/test_unknown_rights.py",
    ),
    _one(
        "any repository that an entry names may be read",
        "cache/world.py",
        "return self.owners is None or repository.owner.lower() in self.owners",
        "return True",
        f"{_MEMO}::test_the_repository_that_an_entry_names",
    ),
    _one(
        "YAML may nest as it likes",
        "cache/profile/nodes.py",
        "if len(self.stack) >= MAX_DEPTH:",
        "if False:",
        "tests/profile/test_frontmatter.py::test_what_cannot_be_read_is_a_problem_with_its_line",
    ),
    _one(
        "a webhook's body may have any length",
        "webhooks/bodies.py",
        "if body.size > self.limits.most:",
        "if False:",
        "tests/webhooks/test_receiver.py::test_a_body_over_the_cap_is_refused_counted_and_logged",
    ),
)

GROUPS = {"orders": (*_ORDERS, *_MEMOS), "proofs": (*_PROOFS, *_GATES)}
"""About as long each; every group has a copy of the packages of its own."""
