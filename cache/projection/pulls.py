"""Pull requests as rows, and their place in collections: kind, key and the person behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cache.model import PullRequest
from cache.profile.collection import Block, Collection, PullRule
from cache.projection import actors
from cache.rows import PullEntryRow, PullRow


def state_of(pull: PullRequest, *, gone: bool = False) -> str:
    """`merged`, `closed` or `open`, merged before closed. One that is gone and was open counts as closed."""
    if pull.merged:
        return "merged"
    return "closed" if pull.state == "closed" or gone else "open"


def pull_row(pull: PullRequest, head_sha: str | None, *, gone: bool = False) -> PullRow:
    """A pull request as a row.

    `head_sha` is `refs/pull/N/head`: the API's own `head.sha` follows the branch on after a merge, and may come
    from another repository once a fork's branch is gone.
    """
    return PullRow(
        repository_id=pull.repository_id,
        number=pull.number,
        title=pull.title,
        description=pull.body,
        state=state_of(pull, gone=gone),
        draft=pull.draft,
        user=pull.user,
        opened_at=pull.created_at,
        merged_at=pull.merged_at if pull.merged else None,
        closed_at=pull.closed_at,
        merge_commit_sha=pull.merge_commit_sha if pull.merged else None,
        head_branch=pull.head_label,
        head_repository_id=pull.head_repository_id,
        from_fork=pull.head_repository_id != pull.repository_id,
        base_branch=pull.base_ref,
        head_sha=head_sha,
        labels=pull.labels,
        gone=gone,
    )


def places(
    block: Block,
    collection: Collection,
    pulls: Iterable[PullRequest],
    homes: Mapping[str, Mapping[int, str]],
    named: Mapping[str, int],
    audits: Mapping[str, actors.Audit],
    people: Mapping[str, str],
) -> Iterator[PullEntryRow]:
    """The place of each pull request in one collection; none where no rule matches.

    `homes` maps, for each field that names entries' own repositories, a repository id to the entry's key; `named`
    maps the full names that rules name to ids; `people` maps addresses to logins. (A profile refuses rules whose
    captures do not make a whole key.)
    """
    for pull in pulls:
        match = _match(collection, pull, homes, named)
        if match is None:
            continue
        rule, key = match
        actor = actors.resolve(collection.actor, pull, block.bot, audits, people)
        yield PullEntryRow(
            repository_id=pull.repository_id,
            number=pull.number,
            block=block.name,
            collection=collection.name,
            key=key,
            kind=rule.kind,
            actor=actor.login if actor else None,
            actor_source=actor.source if actor else None,
            actor_evidence=actor.evidence if actor else None,
        )


def _match(
    collection: Collection,
    pull: PullRequest,
    homes: Mapping[str, Mapping[int, str]],
    named: Mapping[str, int],
) -> tuple[PullRule, str] | None:
    from_fork = pull.head_repository_id != pull.repository_id
    for rule in collection.pulls:
        if from_fork and not rule.forks:
            continue
        captures: Mapping[str, str] | None = {}
        if rule.head is not None:
            captures = rule.head.match(pull.head_label)
        if captures is None:
            continue
        if rule.repository is not None:
            if named.get(rule.repository) == pull.repository_id and all(part in captures for part in collection.key):
                return rule, "/".join(captures[part] for part in collection.key)
        elif pull.repository_id in homes.get(rule.field or "", {}):
            return rule, homes[rule.field or ""][pull.repository_id]
    return None
