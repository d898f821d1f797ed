"""Is there a forge at forge.url at all? Where not, what is there instead, and where the forge may be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from daemon.doctor.patient import Once, Patient
from daemon.doctor.result import Result, fail, ok
from gitea_client.errors import ForgeError, Unreachable
from gitea_client.rest import API
from gitea_client.transport import Answer, Transport

ANY: Final = range(300, 600)
"""Statuses to be looked at instead of raised."""
VERSION: Final = f"{API}/version"
USUAL: Final = ("/gitea", "/forgejo", "/git")
"""Sub-paths that people put a forge below."""


async def reaching(patient: Patient) -> Sequence[Result]:
    """Ask for the forge's version, without a token: a redirect may lead to anybody."""
    url = patient.config.forge.url
    try:
        answer = await patient.anonymous.request("GET", VERSION, accept_statuses=ANY)
    except Unreachable as error:
        why = str(error).partition(": ")[2] or str(error)
        return [fail("forge", f"{url} cannot be reached: {why}", error.remedy)]
    if is_forge(answer):
        return [ok("forge", f"a forge answers at {url}")]
    if 300 <= answer.status < 400:
        return [redirected(url, answer.headers.get("Location", ""))]
    elsewhere = await _elsewhere(patient, url)
    if elsewhere is not None:
        return [fail("forge", f"there is no forge at {url}, but at {elsewhere}", f'set forge.url = "{elsewhere}"')]
    return [_no_forge(url, answer)]


def is_forge(answer: Answer) -> bool:
    """Whether Gitea or Forgejo answers so to /api/v1/version; with 401 or 403 in JSON where they want a sign-in."""
    try:
        said = json.loads(answer.body[:10_000])
    except (ValueError, RecursionError):
        return False
    if not isinstance(said, dict):
        return False
    if answer.status == 200:
        return isinstance(said.get("version"), str)
    return answer.status in (401, 403) and "message" in said


def redirected(url: str, location: str) -> Result:
    """What to set where the server sends elsewhere; redirects are never followed, since the token would go along."""
    target = urlsplit(location) if location else urlsplit("")
    path = target.path
    if target.scheme in ("http", "https") and target.hostname and path.endswith(VERSION):
        there = urlunsplit((target.scheme, target.netloc.rpartition("@")[2], path.removesuffix(VERSION), "", ""))
        return fail("forge", f"{url} redirects to {there}", f'set forge.url = "{there}"')
    sign_in = "login" in location or "oauth" in location or "auth" in location
    what = f"{url} redirects {'to a page for signing in' if sign_in else 'elsewhere'}"
    remedy = "let /api/v1 and Git through the proxy that asks for a sign-in, or set forge.url to the forge itself"
    return fail("forge", what, remedy)


def _no_forge(url: str, answer: Answer) -> Result:
    html = b"<html" in answer.body[:2_000].lower() or b"<!doctype" in answer.body[:2_000].lower()
    said = f"HTTP {answer.status}{' and a web page' if html else ''}"
    if answer.status >= 500:
        remedy = "look whether the forge runs behind its proxy"
        return fail("forge", f"{url} answers {said}: a proxy without its forge", remedy)
    remedy = "set forge.url to the address of a Gitea or Forgejo, with its sub-path (its /api/v1/version answers JSON)"
    return fail("forge", f"{url} is no Gitea or Forgejo: /api/v1/version answers {said}", remedy)


async def _elsewhere(patient: Patient, url: str) -> str | None:
    found = await asyncio.gather(*(_forge_at(patient, candidate) for candidate in candidates(url)))
    return next((candidate for candidate in found if candidate is not None), None)


def candidates(url: str) -> Iterable[str]:
    """Where else on the same server a forge may be: nearer its root first, then below. Pure."""
    parts = urlsplit(url)
    steps = [part for part in parts.path.split("/") if part]
    above = ["/".join(["", *steps[:count]]) for count in range(len(steps) - 1, -1, -1)]
    below = [parts.path.rstrip("/") + sub for sub in USUAL]
    paths = dict.fromkeys([*above, *below, *(USUAL if steps else ())])
    return [urlunsplit((parts.scheme, parts.netloc, path, "", "")) for path in paths]


async def _forge_at(patient: Patient, url: str) -> str | None:
    forge = patient.config.forge
    ca_file = str(forge.ca_file) if forge.ca_file else None
    async with Once(url, None, timeout=3.0, ca_file=ca_file) as transport:
        answer = await _or_none(transport)
    return url if answer is not None and answer.status == 200 and is_forge(answer) else None


async def _or_none(transport: Transport) -> Answer | None:
    try:
        return await transport.request("GET", VERSION, accept_statuses=ANY)
    except ForgeError:
        return None
