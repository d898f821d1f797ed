"""The forge itself: which one, how old, its clock, its limits, and the proxy on the way to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import msgspec

from daemon.doctor.patient import Patient
from daemon.doctor.result import Result, fail, ok, warn
from gitea_client.rest import API
from gitea_client.transport import proxy_for
from gitea_client.wire import ServerVersion

LEAST: Final = {"Gitea": (1, 20), "Forgejo": (7,)}
SKEW_FAIL: Final = 300.0
"""Seconds. A clock this far off makes sweeps look in the wrong hour once their watermark comes from a lost state."""
SKEW_WARN: Final = 30.0
SMALL_PAGE: Final = 20


class _RepositorySettings(msgspec.Struct):
    http_git_disabled: bool = False


async def version(patient: Patient) -> Sequence[Result]:
    """Which server, and whether it has the API that is used."""
    return [judged_version(await patient.rest.version(), patient.config.forge.url)]


def judged_version(told: ServerVersion, url: str) -> Result:
    """Gitea 1.20 and Forgejo 7 are the oldest that are read. Pure."""
    kind = "Forgejo" if told.forgejo else "Gitea"
    shown = f"{kind} {told.version[:60]}"
    least = LEAST[kind]
    if not told.at_least(*least):
        remedy = f"update the forge to {kind} {'.'.join(map(str, least))} or newer"
        return fail("version", f"{shown} at {url} is too old", remedy)
    return ok("version", f"{shown} at {url}")


async def clock(patient: Patient) -> Sequence[Result]:
    """The forge's clock by the Date of an answer, against ours in the middle of asking."""
    before = patient.clock()
    answer = await patient.transport.request("GET", f"{API}/version")
    after = patient.clock()
    return [judged_clock(answer.date, before + (after - before) / 2)]


def judged_clock(told: datetime | None, ours: datetime) -> Result:
    """How far the two are apart. The forge cuts its time to whole seconds. Pure."""
    if told is None:
        return warn("clock", "the forge's answers have no Date", "look at the proxy before it; RFC 9110 asks for one")
    skew = (ours - told).total_seconds()
    amount = f"{abs(skew):.0f} s" if abs(skew) < 120 else f"{abs(skew) / 60:.0f} minutes"
    what = f"this machine's clock is {amount} {'ahead of' if skew > 0 else 'behind'} the forge's"
    remedy = "set both by NTP (timedatectl set-ntp true), on this machine and on the forge's"
    if abs(skew) > SKEW_FAIL:
        return fail("clock", what, remedy)
    if abs(skew) > SKEW_WARN:
        return warn("clock", what, remedy)
    return ok("clock", "this machine's clock and the forge's agree")


async def limits(patient: Patient) -> Sequence[Result]:
    """How long a page of the API may be, and whether Git is served over HTTP at all."""
    page = (await patient.rest.settings()).max_response_items
    found = [
        ok("pages", f"lists come in pages of {page}")
        if page >= SMALL_PAGE
        else warn(
            "pages", f"lists come in pages of {page}, so that reading them takes many requests",
            "in the forge's app.ini, under [api], write MAX_RESPONSE_ITEMS = 50",
        )
    ]  # fmt: skip
    answer = await patient.transport.request("GET", f"{API}/settings/repository", accept_statuses=range(300, 600))
    if answer.status == 200 and _git_disabled(answer.body):
        remedy = "in the forge's app.ini, under [repository], write DISABLE_HTTP_GIT = false"
        found.append(fail("pages", "the forge serves no Git over HTTP", remedy))
    return found


def _git_disabled(body: bytes) -> bool:
    try:
        return msgspec.json.decode(body, type=_RepositorySettings).http_git_disabled
    except msgspec.DecodeError:
        return False


def proxy(url: str, environ: Mapping[str, str]) -> list[Result]:
    """The proxy settings in force. Never shows an address whole: it may hold a password."""
    used = proxy_for(url)
    scheme = urlsplit(url).scheme
    capital = environ.get("HTTP_PROXY") and not environ.get("http_proxy")
    if used is None:
        set_ones = sorted(name for name in environ if name.lower() in ("http_proxy", "https_proxy") and environ[name])
        if not set_ones:
            return []
        return [ok("proxy", f"none is used for the forge, although {' and '.join(set_ones)} is set")]
    if scheme == "http" and capital:
        # curl, which git is built on, leaves HTTP_PROXY aside: in CGI it is a request's header (httpoxy)
        remedy = "name the proxy as http_proxy, in small letters, or the forge's host in no_proxy"
        return [warn("proxy", "HTTP_PROXY in capitals is heeded by the API's client and not by git", remedy)]
    parts = urlsplit(used)
    return [ok("proxy", f"the forge is asked through {parts.scheme}://{parts.hostname}:{parts.port}")]
