"""What people and servers do to a forge, each chosen by numbers, so that a failing sequence shrinks to a small one.

A number picks among what is there now; where there is nothing to pick, nothing happens. What a forge declines (a
conflict, a name that is taken) is no failure.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import Literal, TypeVar

from harness import BOT, META, OWNER, System, rfc

from gitea_client.fake.editing import Style
from gitea_client.fake.objects import StandInError
from gitea_client.fake.state import Pull, Repository
from gitea_client.fake.writing import Content, Symlink

T = TypeVar("T")

SLUGS = ("a", "b", "c")
NAMES = ("home", "work", "spare")
BRANCHES = ("main", "topic", "propose/a", "propose/b", "edit/a/one", "claim/b", "metadata/c", "discussion")
STYLES: tuple[Style, ...] = ("merge", "rebase", "rebase-merge", "squash", "fast-forward-only")
STRANGER = "zed"
BAD: tuple[Content, ...] = (
    "no front matter\n", "---\nstate: idea\n---\nx\n", "---\ntitle: [\nstate: idea\n---\n", rfc(state="banana"),
    rfc(slug="other"), b"---\ntitle: \xff\nstate: idea\n---\n", b"---\ntitle: N\nstate: idea\n---\n\x00",
    Symlink("a.md"), "---\ntitle: T\ntitle: U\nstate: idea\n---\n",
)  # fmt: skip

LENGTHS = (1, 1, 1, 200)
"""How often each version of a text says the same: the last is too long where the least is allowed for files."""


class Operations:
    """Operations on one forge. `silent` is set by those that none of the sweeps' signals tells of."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._forge = system.forge
        self._line = 0
        self._departed = 0
        self.silent = False
        self.came = self.went = False
        """Whether repositories came and went since the last full list: a count that ends as it was says nothing."""
        self.unhooked = False
        """Whether something happened that no delivery tells of."""

    def swept(self, *, deep: bool) -> None:
        """A sweep told the daemon what happened so far."""
        self._departed = 0
        self.came = self.went = self.unhooked = False
        if deep:
            self.silent = False

    # ----------------------------------------------------------------------------------------------- picking

    def _repositories(self) -> list[Repository]:
        return sorted(self._forge.world.repositories.values(), key=lambda r: r.id)

    def _repository(self, n: int) -> Repository:
        """One in three times the meta repository, where there is one under that name."""
        meta = self._forge.world.find(META)
        if meta is not None and n % 3 == 0:
            return meta
        return _pick(self._repositories(), n // 3)

    def _pulls(self, *, open_only: bool = False) -> list[Pull]:
        return [p for r in self._repositories() for p in r.pulls.values() if p.open or not open_only]

    @contextlib.contextmanager
    def _doing(self, *repositories: Repository) -> Iterator[None]:
        """What a forge declines is no failure; what happens to strangers' repositories no sweep of ours tells."""
        with contextlib.suppress(StandInError):
            yield
        if any(repository.owner.login != OWNER for repository in repositories):
            self.silent = self.unhooked = True

    # ----------------------------------------------------------------------------------------------- files

    async def push_entry(self, slug: int, state: int, home: int, version: int, branch: int) -> None:
        """A good entry, perhaps with a repository of its own, which may be anything or nothing."""
        repository = self._forge.world.find(META) or self._repository(0)
        homes = [r.full_name for r in self._repositories()] + [f"{OWNER}/{name}" for name in NAMES]
        fields = {"repo": _pick(homes, home - 1)} if home else {}
        body = f"Body {version}.\n" * LENGTHS[version]
        text = rfc(f"T{version}", _pick(("idea", "active", "withdrawn"), state), body, **fields)
        await self._push(repository, {f"rfcs/{_pick(SLUGS, slug)}.md": text}, branch)

    async def push_bad(self, slug: int, kind: int, branch: int) -> None:
        """An entry with something wrong, or none any more, or one under another name."""
        repository = self._forge.world.find(META) or self._repository(0)
        path, other = f"rfcs/{_pick(SLUGS, slug)}.md", f"rfcs/{_pick(SLUGS, slug + 1)}.md"
        if kind < len(BAD):
            await self._push(repository, {path: BAD[kind]}, branch)
        elif kind == len(BAD):
            await self._push(repository, {path: None}, branch)
        else:
            await self._push(repository, {path: None, other: rfc("Moved")}, branch)

    async def push_document(self, n: int, version: int, branch: int) -> None:
        """A document, a broken one, or none."""
        content: Content = (None, b"\xff", "# One\n", "# Two\n" * LENGTHS[3])[version % 4]
        await self._push(self._repository(n), {"RFC.md": content}, branch)

    async def push_audit(self, n: int, junk: bool) -> None:
        """A line of the bot's diary about some pull request."""
        meta = self._forge.world.find(META)
        pulls = self._pulls()
        if meta is None or not pulls:
            return
        pull = _pick(pulls, n)
        self._line += 1
        line = {
            "id": f"line{self._line}", "action_kind": "propose_rfc", "repo": pull.repository.full_name,
            "pr_number": pull.number, "on_behalf_of": f"person{n}",
        }  # fmt: skip
        text = json.dumps(line) + "\n" + ("{not json\n" if junk else "")
        await self._push(meta, {f"audit/2025-{self._line:02}.jsonl": text}, 0)

    async def _push(self, repository: Repository, files: dict[str, Content], branch: int) -> None:
        name = _pick((repository.default_branch, *BRANCHES), branch)
        with self._doing(repository):
            await self._forge.commit(repository.full_name, files, branch=name, message=f"Change {', '.join(files)}")

    # ----------------------------------------------------------------------------------------------- branches

    async def force(self, n: int, branch: int, back: int, files: bool) -> None:
        """A branch forced back some commits, perhaps with something new on top."""
        repository = self._repository(n)
        name = _pick(sorted(repository.branches) or ["main"], branch)
        tip = repository.git.ref(f"refs/heads/{name}")
        if tip is None:
            return
        ids = await repository.git.rev_list("--first-parent", tip)
        start = ids[min(back, len(ids) - 1)]
        with self._doing(repository):
            if files:
                new: dict[str, Content] = {"rfcs/a.md": rfc(f"Forced {back}"), "RFC.md": "# Forced\n"}
                await self._forge.commit(repository.full_name, new, branch=name, parents=[start], force=True)
            else:
                await self._forge.push_refs(repository.full_name, {f"refs/heads/{name}": start})

    async def create_branch(self, n: int, branch: int, start: int) -> None:
        repository = self._repository(n)
        with self._doing(repository):
            await self._forge.create_branch(
                repository.full_name, _pick(BRANCHES, branch), _pick(sorted(repository.branches) or ["main"], start)
            )

    async def delete_branch(self, n: int, branch: int, via: Literal["api", "push"]) -> None:
        repository = self._repository(n)
        with self._doing(repository):
            await self._forge.delete_branch(
                repository.full_name, _pick(sorted(repository.branches) or ["main"], branch), via=via
            )

    async def rename_branch(self, n: int, branch: int, new: int) -> None:
        repository = self._repository(n)
        with self._doing(repository):
            old = _pick(sorted(repository.branches) or ["main"], branch)
            await self._forge.rename_branch(repository.full_name, old, _pick(BRANCHES, new))
            self.silent = self.unhooked = True

    async def default_branch(self, n: int, branch: int) -> None:
        repository = self._repository(n)
        with self._doing(repository):
            name = _pick(sorted(repository.branches) or ["main"], branch)
            await self._forge.set_default_branch(repository.full_name, name)
            self.unhooked = True

    # ----------------------------------------------------------------------------------------------- pull requests

    async def open_pull(self, n: int, branch: int, base: int, by: int, body: int) -> None:
        """From a branch of the repository, or from the fork that somebody has of it."""
        repository = self._repository(n)
        forks = [r for r in self._repositories() if r.parent is repository]
        names = sorted(repository.branches) or ["main"]
        heads = names + [f"{fork.owner.login}:{b}" for fork in forks for b in sorted(fork.branches)]
        bodies = ("", "Please.\n\nOn-behalf-of: Grace <grace>", "> On-behalf-of: Mallory <mallory>\nNo.")
        with self._doing(repository):
            await self._forge.open_pull(
                repository.full_name, head=_pick(heads, branch), base=_pick(names, base),
                title=f"{'WIP: ' if by % 5 == 4 else ''}Pull {branch}",
                body=_pick(bodies, body),
                by=_pick((BOT, "ada"), by),
            )  # fmt: skip

    async def open_agit(self, n: int) -> None:
        repository = self._repository(n)
        tip = repository.branches.get(repository.default_branch)
        with self._doing(repository):
            if tip is None:
                return
            sha = await self._forge.commit(repository.full_name, {"agit.md": f"{n}\n"}, branch=None, start=tip)
            await self._forge.open_agit_pull(repository.full_name, sha, "claim/a", base=repository.default_branch)

    async def close_pull(self, n: int) -> None:
        if pulls := self._pulls(open_only=True):
            pull = _pick(pulls, n)
            with self._doing(pull.repository):
                await self._forge.close(pull.repository.full_name, pull.number)

    async def reopen_pull(self, n: int, via: Literal["api", "web"]) -> None:
        if pulls := self._pulls():
            pull = _pick(pulls, n)
            with self._doing(pull.repository):
                await self._forge.reopen(pull.repository.full_name, pull.number, via=via)

    async def merge_pull(self, n: int, style: int, delete: bool) -> None:
        if pulls := self._pulls(open_only=True):
            pull = _pick(pulls, n)
            with self._doing(pull.repository, pull.head_repository or pull.repository):
                name = pull.repository.full_name
                await self._forge.merge(name, pull.number, style=_pick(STYLES, style), delete_branch=delete)

    async def edit_pull(self, n: int, what: int, value: int) -> None:
        """Another title, text, base or label."""
        if not (pulls := self._pulls()):
            return
        pull = _pick(pulls, n)
        name = pull.repository.full_name
        with self._doing(pull.repository):
            if what == 0:
                await self._forge.edit_pull(name, pull.number, title=f"Title {value}")
            elif what == 1:
                await self._forge.edit_pull(name, pull.number, body=f"Text {value}")
            elif what == 2:
                base = _pick(sorted(pull.repository.branches) or ["main"], value)
                await self._forge.edit_pull(name, pull.number, base=base)
            else:
                await self._forge.label(name, pull.number, f"label{value % 2}", remove=what == 4)

    async def delete_pull(self, n: int) -> None:
        if pulls := self._pulls():
            pull = _pick(pulls, n)
            with self._doing(pull.repository):
                await self._forge.delete_pull(pull.repository.full_name, pull.number)
                self.silent = self.unhooked = True

    # ----------------------------------------------------------------------------------------------- repositories

    async def create_repository(self, name: int, default: int) -> None:
        with self._doing():
            await self._forge.create_repository(
                f"{OWNER}/{_pick((*NAMES, 'meta'), name)}", default_branch=_pick(("main", "topic"), default)
            )
            self.came = self.unhooked = True
            self.silent = self.silent or self.went

    async def rename_repository(self, n: int, name: int) -> None:
        repository = self._repository(n)
        with self._doing(repository):
            await self._forge.rename_repository(repository.full_name, _pick((*NAMES, "meta", "old"), name))
            self.unhooked = True

    async def transfer_repository(self, n: int, back: bool) -> None:
        repository = self._repository(n)
        if not back and not self._may_depart():
            return
        with self._doing(repository):
            await self._forge.transfer(repository.full_name, OWNER if back else STRANGER)
            self._moved(came=back)

    async def delete_repository(self, n: int) -> None:
        repository = self._repository(n)
        if len(self._repositories()) < 2 or not self._may_depart():
            return
        with self._doing(repository):
            closed = [p for p in self._pulls() if p.head_repository is repository and p.repository is not repository]
            await self._forge.delete_repository(repository.full_name)
            self._moved(came=False)
            if closed:
                self.silent = True

    def _may_depart(self) -> bool:
        """From three repositories missing at once a sweep may want to be asked: that is another test's subject."""
        self._departed += 1
        return self._departed < 3

    def _moved(self, *, came: bool) -> None:
        self.came, self.went, self.unhooked = self.came or came, self.went or not came, True
        self.silent = self.silent or (self.came and self.went)

    async def set_repository(self, n: int, what: int, value: bool) -> None:
        """Private or public, archived through the API or the web."""
        repository = self._repository(n)
        with self._doing(repository):
            self.unhooked = True
            if what == 0:
                await self._forge.set_private(repository.full_name, value)
            elif what == 1:
                await self._forge.archive(repository.full_name, value, via="api")
            else:
                await self._forge.archive(repository.full_name, value, via="web")
                self.silent = True

    async def fork(self, n: int, owner: int) -> None:
        repository = self._repository(n)
        with self._doing():
            await self._forge.fork(repository.full_name, _pick(("ada", "bob"), owner))

    async def gc(self, n: int) -> None:
        await self._forge.gc(self._repository(n).full_name)


def _pick(items: Sequence[T], n: int) -> T:
    return items[n % len(items)]
