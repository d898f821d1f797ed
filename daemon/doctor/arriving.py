"""Does the address that webhooks are given lead here? Asked by a delivery of our own, and by one of the forge's."""

from __future__ import annotations

import hmac
import secrets as random_secrets
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import aiohttp
from msgspec import Struct
from yarl import URL

from daemon.config.errors import ConfigError
from daemon.control import CommandError, NotRunningError
from daemon.doctor.door import Door, door
from daemon.doctor.hearing import not_possible
from daemon.doctor.judging import ADDRESS, DELIVERY, Own, judged_address, judged_delivery
from daemon.doctor.patient import Patient
from daemon.doctor.result import Result, fail, skip
from daemon.doctor.through import through_the_forge
from daemon.hooks.address import hook_url, is_loopback
from gitea_client.reasons import reason_of
from gitea_client.transport import proxy_for
from webhooks.probe import PARAMETER

OWN_SECONDS: Final = 5.0
BODY: Final = b'{"probe": "forgeglass doctor"}'


async def arriving(patient: Patient) -> Sequence[Result]:
    """Send both, and judge them together: which of the two arrives tells what is wrong."""
    try:
        url = hook_url(patient.config)
    except ConfigError as error:
        mistake = error.mistakes[0]
        return [fail(ADDRESS, f"{mistake.key} is {mistake.problem}", mistake.remedy)]
    try:
        async with door(patient) as opened:
            own = await _send(patient, opened, url)
            forges = await through_the_forge(patient, opened, url) if patient.deliver else None
    except (CommandError, NotRunningError) as error:
        return [fail(ADDRESS, f"the daemon that runs takes no test delivery: {error}", "restart it")]
    except OSError as error:
        return [fail(ADDRESS, *not_possible(patient.config.listen, error))]
    address = judged_address(own, url, patient, forges)
    if forges is None:
        return [address, skip(DELIVERY, "not made: --no-delivery was given")]
    return [address, await judged_delivery(forges, url, own, patient.wait)]


class _Answer(Struct, frozen=True):
    status: int
    location: str


async def _send(patient: Patient, opened: Door, url: str) -> Own:
    """A delivery of our own to the address, as the forge would make one."""
    nonce = random_secrets.token_hex(16)
    async with opened.expecting(nonce, OWN_SECONDS + 5) as arrival:
        try:
            answer = await _post(patient, f"{url}?{PARAMETER}={nonce}", opened.secret.reveal().encode())
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = reason_of(error, url, ca_file=patient.config.forge.ca_file)
            return Own(reason=reason)
        # what answered has noted it before it answered
        seen = await arrival(0.5 if answer.status < 500 else 0.1)
        return Own(seen=seen, status=answer.status, location=answer.location)


async def _post(patient: Patient, url: str, secret: bytes) -> _Answer:
    headers = {
        "Content-Type": "application/json",
        "X-Gitea-Event": "probe",  # of a kind that a receiver elsewhere passes over
        "X-Gitea-Event-Type": "probe",
        "X-Gitea-Delivery": random_secrets.token_hex(16),
        "X-Gitea-Signature": hmac.digest(secret, BODY, "sha256").hex(),
    }
    timeout = aiohttp.ClientTimeout(total=OWN_SECONDS)
    connector = aiohttp.TCPConnector(ssl=_trusting(patient.config.forge.ca_file) if url.startswith("https:") else True)
    async with (
        aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.post(url, data=BODY, headers=headers, allow_redirects=False, proxy=_proxy(url)) as answer,
    ):
        return _Answer(answer.status, answer.headers.get("Location", ""))


def _proxy(url: str) -> str | None:
    return None if is_loopback(URL(url).host or "") else proxy_for(url)


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    """What this machine trusts, and forge.ca_file: where forge and Forgeglass share an authority, both trust it."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context
