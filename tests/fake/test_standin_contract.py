"""The stand-in answers and tells as live servers did: the recorded scenario, replayed and compared field by field."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web
from standin_recordings import Comparison, load
from standin_scenario import Clock, Scenario

from gitea_client.fake import StandIn

SECRET = "recording-secret"

SKIPPED_READS = {
    # the servers guess a programming language; nobody who mirrors a forge reads it
    "/repos/acme/meta/languages",
}


def told(event: str, payload: dict[str, Any]) -> str:
    """What a delivery says, as far as it must be equal in both."""
    pull = payload.get("pull_request") or {}
    head, base = pull.get("head") or {}, pull.get("base") or {}
    facts = {
        "event": event, "action": payload.get("action"), "ref": payload.get("ref"), "ref_type": payload.get("ref_type"),
        "number": payload.get("number"), "changes": payload.get("changes"), "total": payload.get("total_commits"),
        "listed": len(payload.get("commits") or []), "repository": payload["repository"]["full_name"],
        "sender": payload["sender"]["login"], "state": pull.get("state"), "merged": pull.get("merged"),
        "title": pull.get("title"), "draft": pull.get("draft"), "head": (head.get("label"), head.get("ref")),
        "base": (base.get("label"), base.get("ref")), "created": set(str(payload.get("before"))) == {"0"},
        "labels": [label["name"] for label in pull.get("labels") or []],
    }  # fmt: skip
    return json.dumps(facts, sort_keys=True)


def in_order(item: dict[str, Any]) -> tuple[str, str, int]:
    """A feed's items by what they say."""
    return item["op_type"], item["ref_name"], len(item["content"])


def content_of(body: bytes | str) -> bytes:
    """The JSON of a delivery, out of its form where it came in one."""
    raw = body.encode() if isinstance(body, str) else body
    return parse_qs(raw.decode())["payload"][0].encode() if raw.startswith(b"payload=") else raw


class Receiver:
    """Takes deliveries as a client would."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.got.append((request.path, dict(request.headers), await request.read()))
        return web.Response(status=202)


@pytest.mark.parametrize("flavour", ["gitea", "forgejo"])
async def test_the_recorded_scenario_gives_the_recorded_answers(flavour: str, tmp_path: Path) -> None:
    """Guards everything that is tested on the stand-in: what it answers is what the servers answered."""
    recording = load(flavour)
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/{tail:.*}", receiver.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hook_url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/gitea"
    clock = Clock()
    try:
        async with StandIn(tmp_path, flavour=flavour, clock=clock) as forge, aiohttp.ClientSession() as session:
            differences = await replay(recording, Scenario(forge, session, hook_url, SECRET), clock, receiver, session)
    finally:
        await runner.cleanup()
    assert not differences, "\n".join(differences)


async def replay(
    recording: dict[str, Any], scenario: Scenario, clock: Clock, receiver: Receiver, session: aiohttp.ClientSession
) -> list[str]:
    """Play every step; tell what was different."""
    comparison = Comparison(scenario.forge.url)
    steps = scenario.steps()
    for step in recording["steps"]:
        name = step["step"]
        clock.tick(3)
        receiver.got.clear()
        if name in steps:
            await steps[name]()
        await scenario.forge.settle()
        if "call" in step and scenario.answer is not None:
            compare_answer(comparison, f"{name}: call", step["call"], *scenario.answer)
        compare_deliveries(comparison, name, step["deliveries"], receiver)
        for read in step["reads"]:
            if read["path"] not in SKIPPED_READS:
                await compare_read(comparison, scenario.forge, session, name, read)
    return comparison.differences


def compare_answer(comparison: Comparison, where: str, theirs: dict[str, Any], status: int, ours: Any) -> None:
    comparison.same(f"{where} status", theirs["status"], status)
    text = theirs.get("text") or ""
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = text
    if "webhook" not in where:  # hooks tell the receiver's address
        comparison.same(where, parsed, ours)


async def compare_read(
    comparison: Comparison, forge: StandIn, session: aiohttp.ClientSession, step: str, read: dict[str, Any]
) -> None:
    token = {"private repo read without a token": "", "private repo read with a bad token": "token nonsense"}
    authorization = token.get(step, f"token {forge.token}")
    headers = {"Authorization": authorization} if authorization else {}
    async with session.get(f"{forge.url}/api/v1{read['path']}", headers=headers) as got:
        text = await got.text()
        ours = json.loads(text) if "json" in got.content_type else None
        where = f"{step}: {read['path']}"
        if "/raw/" in read["path"] or "bad token" in step:
            comparison.same(f"{where} status", read["status"], got.status)
        else:
            theirs = dict(read)
            if "feeds" in where:  # within a second the order is nobody's
                theirs["text"] = json.dumps(sorted(json.loads(read["text"]), key=in_order))
                ours = sorted(ours, key=in_order)
            compare_answer(comparison, where, theirs, got.status, ours)
        for header in ("X-Total-Count", "Link"):
            comparison.same(f"{where} {header}", read["headers"].get(header), got.headers.get(header))


def compare_deliveries(
    comparison: Comparison, step: str, recorded: list[dict[str, Any]], receiver: Receiver
) -> None:
    """The same deliveries, whatever their order, each signed by the servers' rule."""
    theirs = Counter(
        told(d["headers"]["X-Gitea-Event-Type"], json.loads(content_of(d["body"]))) for d in recorded
    )
    ours = Counter(told(h["X-Gitea-Event-Type"], json.loads(content_of(b))) for _, h, b in receiver.got)
    for missing in (theirs - ours).elements():
        comparison.differences.append(f"{step}: not delivered: {missing}")
    for extra in (ours - theirs).elements():
        comparison.differences.append(f"{step}: delivered too much: {extra}")
    for _, headers, body in receiver.got:
        expected = hmac.new(SECRET.encode(), content_of(body), hashlib.sha256).hexdigest()
        comparison.same(f"{step}: signature", expected, headers["X-Gitea-Signature"])


@pytest.mark.parametrize("flavour", ["gitea", "forgejo"])
async def test_a_delivery_has_the_recorded_headers_and_fields(flavour: str, tmp_path: Path) -> None:
    """Guards receivers that are tested on the stand-in: its payloads lack no field and its headers no name."""
    recording = load(flavour)
    wanted: dict[str, dict[str, Any]] = {}
    for step in recording["steps"]:
        for delivery in step["deliveries"]:
            wanted.setdefault(delivery["headers"]["X-Gitea-Event-Type"], delivery)
    async with StandIn(tmp_path, flavour=flavour) as forge, aiohttp.ClientSession() as session:
        forge.deliveries.drop = True
        scenario = Scenario(forge, session, "http://127.0.0.1:1/webhooks/gitea", SECRET)
        for step in scenario.steps().values():
            await step()
        seen = {}
        for delivery in forge.deliveries.sent:
            seen.setdefault(delivery.event_type, delivery)
        assert wanted.keys() == seen.keys()
        comparison = Comparison(forge.url)
        for event_type, theirs in wanted.items():
            ours = seen[event_type]
            named = {h for h in theirs["headers"] if h.startswith("X-") or h == "Content-Type"}
            assert named == {h for h in ours.headers if h != "Authorization"}
            comparison.same(event_type, json.loads(content_of(theirs["body"])), ours.payload)
    assert not comparison.differences, "\n".join(comparison.differences)
