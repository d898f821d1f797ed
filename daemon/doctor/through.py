"""A test delivery by the forge itself: a webhook of one repository, made for that moment and deleted whatever happens.

The API tests webhooks of repositories only, and sends a push of the default branch's head onto itself.
"""

from __future__ import annotations

import asyncio
import secrets as random_secrets
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from cache.model import Repository
from daemon.doctor.door import Door
from daemon.doctor.patient import Patient
from gitea_client.errors import Forbidden, ForgeError, Missing, Unauthorized
from gitea_client.hooks import Hooks, HookScope
from gitea_client.wire import Hook
from webhooks.probe import PARAMETER, Seen

ABANDONED: Final = timedelta(minutes=2)
"""After so long nobody waits for a test delivery any more."""


class Forges(Struct, frozen=True):
    """What became of the forge's delivery. `denied` says why none could be made, `left` what was not deleted again."""

    repository: str = ""
    seen: Seen | None = None
    denied: str = ""
    left: str = ""

    @property
    def arrived(self) -> bool:
        """Whether it came in, and rightly signed."""
        return self.seen is not None and self.seen.signed is True


async def through_the_forge(patient: Patient, door: Door, url: str) -> Forges:
    """Have the forge send one. Ends early where it is cancelled, and never before the webhook is deleted."""
    candidates = [one for one in (*patient.reached(), *patient.seen()) if not one.empty and not one.archived]
    if not candidates:
        return Forges(denied="no repository with a commit is visible")
    hurry = asyncio.Event()
    work = asyncio.create_task(_run(patient, door, url, candidates[0], hurry), name="doctor-delivery")
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        hurry.set()
        await asyncio.gather(work, return_exceptions=True)
        raise


async def _run(patient: Patient, door: Door, url: str, repository: Repository, hurry: asyncio.Event) -> Forges:
    hooks = Hooks(patient.writing)
    scope = HookScope(repository.owner, repository.name)
    nonce = random_secrets.token_hex(16)
    async with door.expecting(nonce, patient.wait + 10) as arrival:
        try:
            await _clear(hooks, scope, url, patient.clock() - ABANDONED)
            made = await hooks.create(scope, url=f"{url}?{PARAMETER}={nonce}", secret=door.secret, events=("push",))
        except (Forbidden, Missing, Unauthorized) as error:
            return Forges(repository.full_name, denied=f"the token may make no webhook (HTTP {error.status})")
        seen = None
        try:
            await hooks.test(scope, made.id)
            coming = asyncio.create_task(arrival(patient.wait), name="doctor-arrival")
            leaving = asyncio.create_task(hurry.wait(), name="doctor-hurry")
            await asyncio.wait({coming, leaving}, return_when=asyncio.FIRST_COMPLETED)
            seen = coming.result() if coming.done() else None
            for task in (coming, leaving):
                task.cancel()
            await asyncio.gather(coming, leaving, return_exceptions=True)
        finally:
            left = await _delete(hooks, scope, made)
        return Forges(repository.full_name, seen, left=left)


async def _clear(hooks: Hooks, scope: HookScope, url: str, before: datetime) -> None:
    """Delete what a doctor that was killed left behind; a younger one may be of another that is at work."""
    for hook in await hooks.list(scope):
        left = hook.created_at is None or hook.created_at < before
        if left and hook.config.get("url", "").startswith(f"{url}?{PARAMETER}="):
            with suppress(Missing):
                await hooks.delete(scope, hook.id)


async def _delete(hooks: Hooks, scope: HookScope, made: Hook) -> str:
    """Delete it; a second time where the first fails. What is left where both do."""
    for _ in range(2):
        try:
            await hooks.delete(scope, made.id)
        except Missing:
            return ""
        except ForgeError:
            continue
        return ""
    return f"webhook {made.id} of {scope.label}"
