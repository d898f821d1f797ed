"""The demo's people at work: every few seconds one of them pushes, raises, merges or closes something."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from daemon.demo.entries import ACTIVE, BROKEN, IDEAS, META, Entry, document, path, text
from gitea_client.fake import StandIn
from gitea_client.fake.merging import Refusal
from gitea_client.fake.objects import GitError

PEOPLE = ("ada", "grace", "barbara", "edsger", "margaret")
MOST_OPEN = 6
"""Pull requests that the people keep open; before they open more they merge one."""

Say = Callable[[str], None]


class Trickle:
    """Changes an organisation made by `organisation.plant`, one `step` at a time; `chance` decides who does what."""

    def __init__(self, forge: StandIn, chance: random.Random, say: Say) -> None:
        self._forge = forge
        self._chance = chance
        self._say = say
        self._count = 0
        self._branches: list[tuple[str, str, str]] = []
        self._open: list[tuple[str, int]] = []
        self._mended = False
        self._steps: tuple[tuple[int, Callable[[], Awaitable[None]]], ...] = (
            (4, self._push), (3, self._branch), (4, self._raise), (3, self._merge), (1, self._close),
            (1, self._drop), (1, self._spoil),
        )  # fmt: skip

    async def run(self, pause: float) -> None:
        """Step for ever, `pause` seconds apart on average."""
        while True:
            await asyncio.sleep(self._chance.uniform(0.5, 1.5) * pause)
            await self.step()

    async def step(self) -> None:
        """Do one thing. What the forge refuses (a conflict, say) is said, and nothing more."""
        weights, steps = zip(*self._steps, strict=True)
        step: Callable[[], Awaitable[None]] = self._chance.choices(steps, weights)[0]
        try:
            await step()
        except (Refusal, GitError) as refused:
            self._say(f"refused: {refused}")

    # A step that lacks what it needs becomes the step that makes it.

    async def _push(self) -> None:
        entry, who = self._chance.choice(IDEAS), self._somebody()
        files = {path(entry.slug): text(entry, self._sentence(entry))}
        await self._forge.commit(META, files, message=f"Say more about {entry.slug}", author=who)
        self._say(f"{who} pushed {path(entry.slug)} to {META}")

    async def _branch(self) -> None:
        entry, who = self._chance.choice(ACTIVE), self._somebody()
        self._count += 1
        name = f"thought-{self._count}"
        files = {"RFC.md": document(entry, self._sentence(entry))}
        await self._forge.commit(entry.repo, files, name, f"Change {entry.title}", author=who)
        self._branches.append((entry.repo, name, f"{entry.title}: {name}"))
        self._say(f"{who} pushed a new branch {name} to {entry.repo}")

    async def _raise(self) -> None:
        if len(self._open) >= MOST_OPEN:
            await self._merge()
            return
        if not self._branches:
            await self._branch()
            return
        repository, branch, title = self._branches.pop(0)
        who = self._somebody()
        number = await self._forge.open_pull(repository, branch, title=title, by=who)
        self._open.append((repository, number))
        self._say(f"{who} opened pull request {repository}#{number}")

    async def _merge(self) -> None:
        if not self._open:
            await self._raise()
            return
        repository, number = self._open.pop(0)
        who = self._somebody()
        try:
            await self._forge.merge(repository, number, delete_branch=True, by=who)
        except Refusal:  # two changed one line: as people do, the later one gives up
            await self._forge.close(repository, number, by=who)
            self._say(f"{who} closed {repository}#{number}, which is in conflict")
        else:
            self._say(f"{who} merged {repository}#{number} and deleted its branch")

    async def _close(self) -> None:
        if not self._open:
            await self._raise()
            return
        repository, number = self._open.pop(0)
        who = self._somebody()
        await self._forge.close(repository, number, by=who)
        self._say(f"{who} closed {repository}#{number}")

    async def _drop(self) -> None:
        if not self._branches:
            await self._branch()
            return
        repository, branch, _ = self._branches.pop(0)
        await self._forge.delete_branch(repository, branch, by="root1")
        self._say(f"root1 deleted the branch {branch} of {repository}")

    async def _spoil(self) -> None:
        """Mend a broken entry, or break it again: a finding goes, or comes."""
        name = "rfcs/odd-state.md"
        broken = BROKEN[name]
        content = broken if self._mended else broken.replace(b"actve", b"idea")
        await self._forge.commit(META, {name: content}, message="Change the state", author="grace")
        self._mended = not self._mended
        self._say(f"grace {'mended' if self._mended else 'broke'} {name}: look at the findings")

    def _somebody(self) -> str:
        return self._chance.choice(PEOPLE)

    def _sentence(self, entry: Entry) -> str:
        words = self._chance.sample(("later", "sooner", "together", "in writing", "by default", "on request"), 2)
        self._count += 1
        return f"{entry.says} Said again {words[0]}, and {words[1]} ({self._count})."
