"""What it means which test deliveries arrived and which did not."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from daemon.doctor.patient import Patient
from daemon.doctor.result import Result, fail, ok, skip, warn
from daemon.doctor.through import Forges
from gitea_client.reasons import Reason
from webhooks.probe import Seen

ADDRESS: Final = "webhook address"
DELIVERY: Final = "test delivery"
MAYBE_INSIDE_ONLY: Final = ("name", "timeout", "unroutable")
"""What a network may do to us and not to the forge: an outer address that does not lead back in, a name known there."""


class Own(Struct, frozen=True):
    """What became of a delivery of our own: what arrived here, what was answered, or why there was no answer."""

    seen: Seen | None = None
    status: int = 0
    location: str = ""
    reason: Reason | None = None


def judged_address(own: Own, url: str, patient: Patient, forges: Forges | None) -> Result:
    """Whether the address leads here. `forges` is None where the forge was not asked to deliver anything. Pure."""
    which = "public_url" if patient.config.public_url else "listen"
    if own.seen is not None and own.seen.signed is True:
        return ok(ADDRESS, f"{url} leads to this {'daemon' if patient.running else 'machine'}")
    if own.seen is not None and own.seen.signed is False:
        what = "the daemon that runs has another webhook secret than the configuration names now"
        return fail(ADDRESS, what, "restart the daemon, and run `forgeglass hooks sync --apply`")
    if own.seen is not None:
        what = f"what is sent to {url} arrives at {own.seen.path} instead of {patient.config.webhooks.path}"
        remedy = f"have the proxy hand on {patient.config.webhooks.path}: it {_did(own.seen.path, patient)}"
        return fail(ADDRESS, what, remedy)
    if forges is not None and forges.arrived:
        what = f"{url} cannot be reached from this machine, though from the forge it can"
        return ok(ADDRESS, what)
    untried = forges is None or bool(forges.denied)
    if own.reason is not None and untried and own.reason.kind in MAYBE_INSIDE_ONLY:
        what = f"{url} cannot be reached from this machine ({own.reason.what}); whether the forge can is not known"
        return warn(ADDRESS, what, f"correct {which}, or have the forge try it: `forgeglass doctor --token-file FILE`")
    if own.reason is not None:
        return fail(ADDRESS, f"{url} is dead: {own.reason.what}", _dead(own.reason, which))
    return fail(ADDRESS, *_answered(own, url, which))


def _did(path: str, patient: Patient) -> str:
    wanted = patient.config.webhooks.path
    prefix = urlsplit(patient.config.public_url or "").path
    if path.endswith(wanted):
        return f"keeps the prefix {path.removesuffix(wanted)}, which it is to strip"
    if prefix and wanted.endswith(path):
        return f"strips more than the prefix {prefix}"
    return "changes the path"


def _dead(reason: Reason, which: str) -> str:
    if reason.kind == "certificate":
        return f"{reason.remedy}; the forge refuses it too, unless its app.ini has [webhook] SKIP_TLS_VERIFY = true"
    if reason.kind == "refused":
        return f"correct {which}, or start the proxy that is to listen there"
    return f"correct {which}: {reason.remedy}"


def _answered(own: Own, url: str, which: str) -> tuple[str, str]:
    """Somebody answered, and it was not this process."""
    if 300 <= own.status < 400:
        target = urlsplit(own.location)
        there = f" to {target.scheme}://{target.hostname}" if target.scheme and target.hostname else ""
        what = f"{url} redirects{there}, and forges do not send a delivery twice"
        return what, "set public_url to the address that it redirects to"
    if own.status in (502, 503, 504):
        return (
            f"{url} answers HTTP {own.status}: a proxy that does not reach this server",
            "have the proxy hand on to the address of listen",
        )
    if own.status in (401, 202):
        what = f"{url} leads to another Forgeglass, or to this one under another configuration"
        return what, f"correct {which}, so that it leads to this server"
    remedy = f"correct {which}, or have the proxy that answers there hand on to the address of listen, without a prefix"
    return f"{url} answers HTTP {own.status}, and not from here", remedy


async def judged_delivery(forges: Forges, url: str, own: Own, wait: float) -> Result:
    """Whether the forge's own delivery came, and what kept it. Looks up the host's name."""
    if forges.left:
        what = f"{forges.left} was made for the test and could not be deleted again"
        return fail(DELIVERY, what, "delete it on the forge: its address ends in ?probe=…")
    if forges.denied:
        how = (
            "run `forgeglass doctor --token-file FILE` with a token of an administrator that has write:repository, "
            "besides write:organization for the webhooks"
        )
        where = f" for {forges.repository}" if forges.repository else ""
        return skip(DELIVERY, f"not made{where}: {forges.denied}", how if forges.repository else "")
    if forges.arrived:
        return ok(DELIVERY, f"a delivery of the forge arrived, signed with our secret (by way of {forges.repository})")
    if own.seen is None or own.seen.signed is not True:
        return skip(DELIVERY, f"not judged: {ADDRESS} comes first")
    if forges.seen is not None and forges.seen.signed is False:
        what = "a delivery of the forge arrived, and was not signed with the secret of the daemon that runs"
        return fail(DELIVERY, what, "restart the daemon, and run `forgeglass hooks sync --apply`")
    return await _kept_away(url, wait)


async def _kept_away(url: str, wait: float) -> Result:
    host = urlsplit(url).hostname or ""
    what = f"the forge's delivery to {host} did not arrive within {wait:g} s, though the address leads here"
    kind = await _kind(host)
    if kind is None:
        remedy = (
            f"see Recent Deliveries in the webhook's settings on the forge; {host} must be reachable from there, and "
            "allowed by [webhook] ALLOWED_HOST_LIST in its app.ini"
        )
        return warn(DELIVERY, what, remedy)
    inside = "; if the forge runs in a container, set public_url to an address that it reaches this machine by"
    return fail(
        DELIVERY, what,
        f"in the forge's app.ini, under [webhook], write ALLOWED_HOST_LIST = external,{kind} and restart the forge"
        f"{inside if kind == 'loopback' else ''}",
    )  # fmt: skip


async def _kind(host: str) -> str | None:
    """`loopback` or `private`, as forges name them in ALLOWED_HOST_LIST; None for an address of the open internet."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]
    except (OSError, ValueError):
        return None
    if any(address.is_loopback for address in addresses):
        return "loopback"
    return "private" if any(address.is_private for address in addresses) else None
