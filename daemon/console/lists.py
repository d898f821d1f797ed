"""The pages that are about everything: overview, findings, repositories, changes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
from aiohttp import web

from cache.profile.rules import RULES
from cache.queries import changes as change_queries
from cache.queries import findings as finding_queries
from cache.queries import repositories as repository_queries
from cache.queries.errors import QueryError
from cache.queries.filters import parse
from cache.queries.paging import ask
from cache.sweep_history import SweepRecord
from daemon.api.telling import sentence, subject
from daemon.console import chart, reading
from daemon.console.addresses import Here
from daemon.console.page import Pages

CHANGES_SHOWN = 50
ABOUT_ENTRIES = ("entry", "branch", "pull", "proposal")
"""Kinds of changes that an entry's page shows."""
LAG_OVER = timedelta(days=1)

MENDING: Mapping[str, str] = {rule.id: rule.remedy for rule in RULES.values()}


async def overview(pages: Pages) -> web.StreamResponse:
    """How everything stands."""
    context = pages.context
    view = await reading.overview(context.api, pages.viewer, chart.begin(pages.now))
    status = await context.api.status(pages.viewer)
    lags = await context.lags(pages.now - LAG_OVER)
    sweeps = msgspec.convert(status.get("sweeps", []), list[SweepRecord])
    return await pages.answer(
        "overview.html",
        title="Overview",
        fresh=view.fresh,
        shown=view,
        told=status,
        sweeps=sweeps,
        sees_all=pages.viewer.everything,  # what sweeps found is told to those alone who see all of it
        lags=lags,
        blocks=context.api.blocks(),
        chart=chart.chart(view.changes, pages.now),
        mending=MENDING,
    )


async def findings(pages: Pages) -> web.StreamResponse:
    """What is wrong, or with `cleared=true` what was."""
    cleared = pages.query.get("cleared") == "true"
    sort = finding_queries.CLEARED_SORT if cleared else finding_queries.SORT
    question = ask(pages.pairs, finding_queries.columns(cleared=cleared), sort=sort, others=("cleared",))
    view = await reading.findings_view(pages.context.api, pages.viewer, question, cleared=cleared)
    own: dict[str, Any] = {"shown": view, "cleared": cleared, "mending": MENDING, "news": [("kind", "finding")]}
    return await pages.answer("findings.html", title="Findings", fresh=view.fresh, **own)


async def repositories(pages: Pages) -> web.StreamResponse:
    """Repositories, and how our looking at each goes."""
    pairs = [(name, value) for name, value in pages.pairs if name != "depth" or value != "any"]
    if "depth" not in pages.query:
        pairs.append(("depth__isnull", "false"))
    question = ask(pairs, repository_queries.columns(), sort=repository_queries.SORT)
    view = await reading.repositories_view(pages.context.api, pages.viewer, question)
    in_use = "depth" not in pages.query
    return await pages.answer("repositories.html", title="Repositories", fresh=view.fresh, shown=view, in_use=in_use)


async def changes(pages: Pages) -> web.StreamResponse:
    """The feed, newest first."""
    conditions = parse(pages.pairs, change_queries.columns(), ("before",))
    view = await reading.changes_view(pages.context.api, pages.viewer, _before(pages.query), conditions, CHANGES_SHOWN)
    told = [_Told(item) for item in view.items]
    kinds, operations = change_queries.KINDS, change_queries.OPERATIONS
    return await pages.answer(
        "changes.html", title="Changes", fresh=view.fresh, shown=view, told=told, kinds=kinds, operations=operations
    )


def _before(query: Mapping[str, str]) -> int | None:
    text = query.get("before")
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise QueryError("bad-value", f"before is {text[:100]!r}; it must be a number of the feed", "before")
    return int(text)


class _Told:
    """A change in words, and what it leads to."""

    def __init__(self, item: change_queries.ChangeItem) -> None:
        told: dict[str, Any] = msgspec.to_builtins(item)
        self.item = item
        self.subject = subject(told)
        self.columns = sentence(told).removeprefix(f"{self.subject} {item.operation}").removeprefix(": ")

    def leads(self, here: Here) -> str:
        """The page about what changed; empty where there is none."""
        item = self.item
        if item.block is None or item.collection is None or item.key is None:
            return ""
        if item.kind == "revision" and item.name is not None:
            return here.revision(item.block, item.collection, item.key, item.name.removeprefix("v"))
        there = item.operation != "deleted" and item.repository is not None and item.number is not None
        if item.kind == "proposal" and there:
            return here.proposal(item.block, item.collection, item.key, item.repository or "", item.number or 0)
        return here.entry(item.block, item.collection, item.key) if item.kind in ABOUT_ENTRIES else ""
