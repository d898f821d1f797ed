"""Where test deliveries are awaited: in the daemon that runs, or where none does at `listen`, for that moment."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

import msgspec
from aiohttp import web

from daemon.config import Config
from daemon.control import run_remote
from daemon.doctor.patient import Patient
from gitea_client.secret import Secret
from webhooks.delivery import Delivery
from webhooks.probe import Probes, Seen


class Arrival(Protocol):
    """Waits for what arrives."""

    async def __call__(self, seconds: float) -> Seen | None:
        """What arrived within so many seconds, None where nothing did."""


class Door(Protocol):
    """Awaits test deliveries. `secret` is what they are to be signed with."""

    @property
    def secret(self) -> Secret:
        """The present webhook secret."""

    def expecting(self, nonce: str, seconds: float) -> AbstractAsyncContextManager[Arrival]:
        """Await the delivery that bears `nonce`, from now on and for `seconds` at most."""


@asynccontextmanager
async def door(patient: Patient) -> AsyncIterator[Door]:
    """The door that the hook's address should lead to. Raises OSError where `listen` is taken."""
    secret = patient.secrets.webhook_secret or Secret(os.urandom(32).hex())  # one that nobody keeps: none is made here
    if patient.running is not None:
        yield _Live(patient.running.socket, secret)
        return
    probes = Probes()
    given = [each.reveal().encode() for each in patient.secrets.webhook_secrets()] or [secret.reveal().encode()]
    async with _listening(patient, probes, given):
        yield _Own(probes, secret)


class _Live:
    """A daemon awaits."""

    def __init__(self, socket: Path, secret: Secret) -> None:
        self._socket = socket
        self.secret = secret

    @asynccontextmanager
    async def expecting(self, nonce: str, seconds: float) -> AsyncIterator[Arrival]:
        ready = asyncio.Event()
        arguments = {"nonce": nonce, "seconds": seconds}
        asking = asyncio.create_task(
            run_remote(self._socket, "probe", arguments, lambda _progress: ready.set()), name="doctor-awaits"
        )
        asking.add_done_callback(lambda _task: ready.set())

        async def arrival(seconds: float) -> Seen | None:
            done, _ = await asyncio.wait({asking}, timeout=seconds)
            return _seen(asking.result()[0]) if done else None

        try:
            await ready.wait()
            yield arrival
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)


def _seen(told: Mapping[str, object]) -> Seen | None:
    return None if told.get("path") is None else msgspec.convert(told, Seen)


class _Own:
    """This process awaits."""

    def __init__(self, probes: Probes, secret: Secret) -> None:
        self._probes = probes
        self.secret = secret

    @asynccontextmanager
    async def expecting(self, nonce: str, seconds: float) -> AsyncIterator[Arrival]:
        with self._probes.expecting(nonce) as wait:

            async def arrival(seconds: float) -> Seen | None:
                try:
                    async with asyncio.timeout(seconds):
                        return await wait()
                except TimeoutError:
                    return None

            yield arrival


class _Nowhere:
    """Stores nothing: whatever else arrives while doctor listens is refused, and the forge notes that it was."""

    async def append(
        self, delivery: Delivery, *, headers: Mapping[str, str], received_at: datetime
    ) -> Literal["new", "duplicate"]:
        raise OSError("doctor keeps no deliveries; the first sweep of the daemon finds the change")


@asynccontextmanager
async def _listening(patient: Patient, probes: Probes, secrets: Sequence[bytes]) -> AsyncIterator[None]:
    """The daemon's own receiver at its own place, and nothing else of the daemon."""
    from webhooks.receiver import Receiver  # with the database's errors; where a daemon runs, that one is asked

    config = patient.config
    receiver = Receiver(
        _Nowhere(), secrets, clock=patient.clock, on_delivery=lambda _delivery: None, probes=probes,
        max_body=config.webhooks.max_body,
    )  # fmt: skip
    app = web.Application(middlewares=[probes.strays(config.webhooks.path)])
    app.router.add_post(config.webhooks.path, receiver.handle)
    async with opened(app, config):
        yield


@asynccontextmanager
async def opened(app: web.Application, config: Config) -> AsyncIterator[None]:
    """`app` at `listen`. Raises OSError where that is not possible."""
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, config.listen.host, config.listen.port).start()
        yield
    finally:
        await runner.cleanup()
