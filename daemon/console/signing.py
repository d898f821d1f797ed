"""Signing in with a token, and out again."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import parse_qs, urlsplit

import structlog
from aiohttp import web

from daemon.api.credentials import cookie, credentials_of
from daemon.api.problems import ProblemError
from daemon.api.sessions import LIFETIME
from daemon.console import assets
from daemon.console.page import Pages

log = structlog.get_logger(__name__)

LONGEST = 4096
"""Bytes of the form: a token and an address fit."""
ARRIVING = 10.0
"""Seconds in which it must be here."""
HOURS = int(LIFETIME.total_seconds() // 3600)
_WAY = re.compile(r"[!-~]{0,2000}", re.ASCII)


def _checked(way: str) -> str:
    return way if _WAY.fullmatch(way) else ""


async def form(pages: Pages, *, to: str, wrong: str | None = None, status: int = 200) -> web.Response:
    """The page to sign in on."""
    response = await pages.answer(
        "sign_in.html", title="Sign in", fresh=None, status=status, to=to, wrong=wrong, hours=HOURS
    )
    response.headers["Cache-Control"] = "no-store"
    return response


async def sign_in(pages: Pages) -> web.StreamResponse:
    """The form, or with POST what it sends: a session begins, and its cookie goes back with the way to the page."""
    to = _checked(pages.request.query.get("to", ""))
    if pages.request.method != "POST":
        return await form(pages, to=to)
    said = await _said(pages)
    to = _checked(said.get("to", ""))
    if not own_page(pages):
        return await form(pages, to=to, wrong="Another site's page sent this; sign in here.", status=403)
    try:
        value, asked = await pages.context.api.access.sign_in(said.get("token", ""))
    except ProblemError:
        log.info("console.sign_in_refused", remote=pages.request.remote)
        wrong = "This token is not known, or no longer. Make one with `forgeglass token create`."
        return await form(pages, to=to, wrong=wrong, status=403)
    log.info("console.signed_in", token=asked.name)
    return _off(pages, to, value)


async def sign_out(pages: Pages) -> web.StreamResponse:
    """End the session, and take the cookie away."""
    if pages.request.method != "POST" or not own_page(pages):
        return await form(pages, to="", wrong="Sign out with the button on a page.", status=405)
    brought = credentials_of(pages.request, None)
    if brought.session is not None:
        pages.context.api.access.sign_out(brought.session)
    return _off(pages, "", None)


async def ended(pages: Pages, wrong: str) -> web.Response:
    """The form where a session has ended; its cookie is taken away, so that whoever goes on is a stranger."""
    response = await form(pages, to=_checked(pages.way), wrong=wrong, status=401)
    response.headers["Set-Cookie"] = _cookie(pages, None)
    return response


def own_page(pages: Pages) -> bool:
    """Whether a form was sent by a page of ours, as far as the browser says (w3.org/TR/fetch-metadata, RFC 6454)."""
    site = pages.request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = pages.request.headers.get("Origin")
    if origin is None:
        return True
    known = {pages.request.headers.get("Host", ""), urlsplit(pages.context.api.public_url or "").netloc}
    return urlsplit(origin).netloc in known - {""}


async def _said(pages: Pages) -> dict[str, str]:
    """What the form holds, the first of each; nothing where it is no form of ours."""
    request = pages.request
    if request.content_type != "application/x-www-form-urlencoded" or (request.content_length or 0) > LONGEST:
        return {}
    raw = b""
    try:
        async with asyncio.timeout(ARRIVING):
            async for chunk in request.content.iter_any():
                raw += chunk
                if len(raw) > LONGEST:
                    return {}
        told = parse_qs(raw.decode(), max_num_fields=8)
    except (TimeoutError, ValueError):  # too slow, no UTF-8, or no form of ours
        return {}
    return {name: told[name][0] for name in ("token", "to") if name in told}


def _off(pages: Pages, to: str, value: str | None) -> web.Response:
    # relative to the form's own address, and never to another host, whatever it holds: a path comes first
    headers = {"Location": f"./{to}", "Set-Cookie": _cookie(pages, value), "Cache-Control": "no-store"}
    return web.Response(status=303, headers={**assets.POLICY, **headers})


def _cookie(pages: Pages, value: str | None) -> str:
    public = urlsplit(pages.context.api.public_url or "")
    secure = public.scheme == "https" or pages.request.secure
    return cookie(value, seconds=int(LIFETIME.total_seconds()), path=public.path or "/", secure=secure)
