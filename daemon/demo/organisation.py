"""The demo's organisation on a stand-in forge: repositories, branches, and pull requests in every state.

Dates are fixed and nothing is random: it comes out with the same commit ids every time.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from daemon.demo.entries import (
    ACTIVE,
    BOT,
    BROKEN,
    DANGLING,
    GOOD,
    IDEAS,
    META,
    ORGANIZATION,
    PROPOSED,
    SYMLINK,
    Entry,
    document,
    path,
    text,
)
from gitea_client.fake import StandIn
from gitea_client.fake.writing import Symlink

Files = dict[str, str | bytes | Symlink]

BEGIN = datetime(2025, 4, 14, 8, 0, tzinfo=UTC)


class DemoClock:
    """Tells fixed times, an operation every so often, until `let_go`; from then on the real time."""

    def __init__(self) -> None:
        self._planned: datetime | None = BEGIN

    def __call__(self) -> datetime:
        return self._planned or datetime.now(UTC)

    def pass_by(self, **by: float) -> None:
        """Move the fixed time on."""
        if self._planned is not None:
            self._planned += timedelta(**by)

    def let_go(self) -> None:
        """From here on the real time."""
        self._planned = None


async def plant(forge: StandIn, clock: DemoClock) -> None:
    """Make the organisation on `forge`, which runs with `clock`."""
    forge.create_organization(ORGANIZATION)
    planting = _Planting(forge, clock)
    await planting.repositories()
    await planting.entries()
    await planting.proposals()
    await planting.edits()
    await planting.documents()
    await planting.loose_branches()


class _Planting:
    def __init__(self, forge: StandIn, clock: DemoClock) -> None:
        self._forge = forge
        self._clock = clock
        self._actions: list[str] = []

    async def repositories(self) -> None:
        await self._forge.create_repository(META)
        for entry in ACTIVE:
            await self._forge.create_repository(entry.repo)
            await self._commit(entry.repo, {"RFC.md": document(entry)}, message="Begin the document", by=entry.by)

    async def entries(self) -> None:
        """The entries as they stood when the organisation moved to files: two commits."""
        readme = "# Requests for comments\n\nOne file each, in `rfcs/`. Propose on a branch `propose/…`.\n"
        files: Files = {"README.md": readme}
        files |= {path(entry.slug): text(entry) for entry in GOOD}
        await self._commit(META, files, message="Bring the requests for comments here", by="ada")
        broken: Files = {**BROKEN, SYMLINK[0]: Symlink(SYMLINK[1])}
        await self._commit(META, broken, message="Add what was left over", by="edsger")

    async def proposals(self) -> None:
        """New entries: merged in three ways, open, a draft, closed."""
        streaming, offline, market, settings, undo = PROPOSED
        number = await self._propose(streaming, by=BOT, message=f"Propose\n\nOn-behalf-of: {streaming.by} <1>")
        await self._merge(META, number, "merge")
        number = await self._propose(offline, by=offline.by)
        for says in ("Trains have tunnels, and so do mountains.", "Trains have tunnels, and planes have rules."):
            files: Files = {path(offline.slug): text(offline, says)}
            await self._commit(META, files, f"propose/{offline.slug}", "Say more", by="grace")
        await self._merge(META, number, "squash")
        number = await self._propose(market, by=BOT)
        await self._act("propose_rfc", market.slug, META, number, market.by)
        await self._propose(settings, by=settings.by, draft=True)
        number = await self._propose(undo, by=undo.by)
        await self._close(META, number)

    async def edits(self) -> None:
        """Changes to entries that are there: by branch rules of every kind, forced, from a fork, and by no rule."""
        slow, naming, quiet, search, cold = IDEAS[:5]
        hub = ACTIVE[0]
        await self._edit(slow, "edit/slow-reads/why", "We ask one question at a time.", "barbara")
        number = await self._edit(naming, "edit/naming/shorter", "Names are read.", "ada")
        await self._merge(META, number, "rebase", keep=True)
        await self._edit(hub, "edit/open-hub/limits", "A hub in the middle, with limits.", "grace")
        await self._again(hub, "edit/open-hub/limits", "A hub in the middle, with a limit for each of us.", "grace")
        number = await self._edit(quiet, "claim/quiet-hours", "Claimed by ada.", BOT)
        await self._act("open_claim_pr", quiet.slug, META, number, "ada")
        number = await self._edit(search, "claim/search-language", "Claimed by grace.", BOT, "On-behalf-of: grace <2>")
        await self._merge(META, number, "rebase-merge")
        number = await self._edit(cold, "metadata/cold-start", "Starting takes far too long.", "margaret")
        await self._merge(META, number, "merge")
        number = await self._edit(IDEAS[8], "metadata/glossary", "The word “project” is to be avoided.", "edsger")
        await self._close(META, number)
        await self._forge.delete_branch(META, "metadata/glossary", by="edsger")
        await self._from_a_fork(hub)
        files: Files = {"README.md": "# Requests for comments\n"}
        number = await self._open(META, files, "tidy/readme", "Shorten the readme", "ada")
        await self._merge(META, number, "merge")

    async def documents(self) -> None:
        """Pull requests in the active entries' own repositories."""
        hub, tokens, feed, names, audit, retention = ACTIVE
        number = await self._amend(hub, "limits", "No more than a thousand calls a minute.")
        await self._merge(hub.repo, number, "merge")
        number = await self._amend(hub, "glossary", "A hub is a program; a spoke is one too.")
        await self._merge(hub.repo, number, "fast-forward-only", keep=True)
        await self._amend(hub, "narrower", "The hub carries events, and nothing else.", draft=True)
        await self._amend(tokens, "rotate", "A token is replaced every ninety days.")
        await self._amend(tokens, "names", "A token has a name, so that it can be found again.")
        number = await self._amend(tokens, "scopes", "A token says what it may do.")
        await self._close(tokens.repo, number)
        await self._forge.delete_branch(tokens.repo, "scopes", via="push", by=tokens.by)
        number = await self._amend(feed, "resume", "A reader resumes from a position.")
        await self._merge(feed.repo, number, "merge", keep=True)
        await self._commit(feed.repo, {"notes.md": "After the merge.\n"}, "resume", "Take notes", by="barbara")
        await self._amend(feed, "epochs", "A position names its epoch.")
        number = await self._amend(names, "plural", "Events are in the past tense.")
        await self._merge(names.repo, number, "squash")
        number = await self._amend(audit, "retention", "Ten years.")
        await self._close(audit.repo, number)
        await self._forge.reopen(audit.repo, number, via="web", by="margaret")
        await self._amend(retention, "shorter", "A year is enough.")

    async def loose_branches(self) -> None:
        """Branches that nobody has raised yet."""
        for entry, names in zip(ACTIVE, _LOOSE, strict=True):
            for name in names:
                self._clock.pass_by(minutes=20)
                files: Files = {f"notes/{name}.md": f"{name}\n"}
                await self._commit(entry.repo, files, name, f"Think about {name}", by=entry.by)
        files = {path(DANGLING.slug): text(DANGLING, "Still lost.")}
        await self._commit(META, files, "edit/lost-and-found/where", "Look again")

    # One step each

    async def _commit(
        self, repository: str, files: Files, branch: str = "main", message: str = "", by: str = "ada"
    ) -> None:
        self._clock.pass_by(hours=1, minutes=7)
        await self._forge.commit(repository, files, branch, message, author=by)

    async def _open(
        self, repository: str, files: Files, branch: str, title: str, by: str,
        message: str = "", draft: bool = False,
    ) -> int:  # fmt: skip
        await self._commit(repository, files, branch, message or title, by=by)
        self._clock.pass_by(minutes=3)
        return await self._forge.open_pull(repository, branch, title=title, by=by, draft=draft)

    async def _propose(self, entry: Entry, by: str, message: str = "", draft: bool = False) -> int:
        files: Files = {path(entry.slug): text(entry)}
        return await self._open(META, files, f"propose/{entry.slug}", f"Propose: {entry.title}", by, message, draft)

    async def _edit(self, entry: Entry, branch: str, says: str, by: str, trailer: str = "") -> int:
        files: Files = {path(entry.slug): text(entry, says)}
        message = f"Change {entry.slug}\n\n{trailer}" if trailer else ""
        return await self._open(META, files, branch, f"Change: {entry.title}", by, message)

    async def _again(self, entry: Entry, branch: str, says: str, by: str) -> None:
        """Replace the branch's commit by another, as an amended commit that is pushed with force does."""
        self._clock.pass_by(hours=2)
        base = self._forge.refs(META)["refs/heads/main"]
        files = {path(entry.slug): text(entry, says)}
        await self._forge.commit(META, files, branch, f"Change {entry.slug}", author=by, parents=[base], force=True)

    async def _amend(self, entry: Entry, branch: str, part: str, draft: bool = False) -> int:
        """A pull request that changes the document."""
        files: Files = {"RFC.md": document(entry, part)}
        return await self._open(entry.repo, files, branch, f"{entry.title}: {branch}", entry.by, draft=draft)

    async def _from_a_fork(self, entry: Entry) -> None:
        fork = await self._forge.fork(META, "mallory")
        files: Files = {path(entry.slug): text(entry, "A hub, and it is mine.")}
        await self._commit(fork, files, "edit/open-hub/mine", "Take over", by="mallory")
        await self._forge.open_pull(META, "mallory:edit/open-hub/mine", title="Take over", by="mallory")

    async def _merge(self, repository: str, number: int, style: str, keep: bool = False) -> None:
        self._clock.pass_by(hours=5)
        await self._forge.merge(repository, number, style, delete_branch=not keep, by="root1")  # type: ignore[arg-type] # a Literal

    async def _close(self, repository: str, number: int) -> None:
        self._clock.pass_by(hours=3)
        await self._forge.close(repository, number, by="root1")

    async def _act(self, kind: str, slug: str, repository: str, number: int, on_behalf_of: str) -> None:
        """Write the bot's line: what it did, and for whom."""
        action = {
            "id": len(self._actions) + 1, "action_kind": kind, "rfc_slug": slug, "repo": repository,
            "pr_number": number, "on_behalf_of": on_behalf_of,
        }  # fmt: skip
        self._actions.append(json.dumps(action))
        files: Files = {"audit/2025-04.jsonl": "\n".join(self._actions) + "\n"}
        await self._commit(META, files, message=f"Record {kind}", by=BOT)


_LOOSE = (
    ("gateway", "pricing", "diagrams", "quotas"),
    ("hardware-keys", "audit"),
    ("compression", "filters", "examples"),
    ("glossary", "tense"),
    ("signatures", "export"),
    ("backups", "legal-hold", "exports"),
)
