"""The webhooks on the forge: present, complete, active, leading here, made with our secret."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

import msgspec

from cache.installed_hook import InstalledHook
from cache.store.sqlite_file import read_only
from daemon.config.errors import ConfigError
from daemon.control import CommandError, NotRunningError, run_remote
from daemon.doctor.patient import Patient
from daemon.doctor.result import Result, fail, ok, skip, warn
from daemon.hooks.address import hook_url
from daemon.hooks.commands import Known
from daemon.hooks.places import Place, attempts
from daemon.hooks.plan import Action, Wanted, plan, present
from gitea_client.errors import Forbidden, ForgeError, Missing, Unauthorized
from gitea_client.hooks import Hooks
from gitea_client.wire import Hook

CHECK = "webhook"
MOST = 20
"""Repositories of an owner whose webhooks are looked at one by one; `forgeglass hooks list` looks at all."""
SYNC = "run `forgeglass hooks sync --apply --token-file FILE`"


async def webhooks(patient: Patient) -> Sequence[Result]:
    """Look at each owner's, in the best place that the token may look at."""
    try:
        url = hook_url(patient.config)
    except ConfigError:
        return [skip(CHECK, "not looked at: webhook address comes first")]
    secret = patient.secrets.webhook_secret
    wanted = Wanted(url, secret.reveal().encode() if secret is not None else None)
    made = await _made(patient)
    return [await _owner(patient, owner, wanted, made) for owner in patient.config.forge.owners]


async def _owner(patient: Patient, owner: str, wanted: Wanted, made: tuple[InstalledHook, ...]) -> Result:
    hooks = Hooks(patient.writing)
    try:
        me = await hooks.whose()
    except ForgeError:
        me = None
    names = [one.name for one in patient.reached() if one.owner.lower() == owner.lower()]
    rights: list[str] = []
    missing: Result | None = None
    for places in attempts(owner, me, names, "auto"):
        found: list[Result] = []
        looked = places[:MOST]
        for place in looked:
            try:
                listed = await hooks.list(place.scope)
            except (Forbidden, Missing, Unauthorized):
                rights.append(place.right)
                break
            found.append(judged(place, listed, wanted, made))
        if found and len(found) == len(looked):
            if all(result.status != "warn" for result in found):
                return _worst(found)
            missing = missing or _worst(found)
    if missing is not None:
        return missing
    if not rights:
        return skip(CHECK, f"not looked at: no profile reaches a repository of {owner}")
    how = "run `forgeglass doctor --token-file FILE` with such a token; without webhooks, sweeps find every change"
    return skip(CHECK, f"not looked at: {rights[0]}", how)


def judged(place: Place, listed: Sequence[Hook], wanted: Wanted, made: Iterable[InstalledHook]) -> Result:
    """What is there at one place, against what should be. Pure."""
    planned = plan(wanted, [present(hook) for hook in listed], made, scope=place.label)
    actions = [action for action in planned if action.kind != "leave"]
    first = actions[0]
    if first.kind == "create":
        stray = _elsewhere(listed, wanted.url)
        if stray is not None:
            what = f"{place.label} has no webhook to {wanted.url}, but one to {stray}"
            how = f"{SYNC}; leave the other one if that is another Forgeglass; else correct public_url"
            return warn(CHECK, what, how)
        what = f"{place.label} has no webhook to {wanted.url}; changes are found by sweeps, later"
        return warn(CHECK, what, SYNC)
    if not first.does:
        return ok(CHECK, f"{place.label} has one, active and complete{_signed(first)}")
    if first.signed == "other":
        return fail(CHECK, f"the webhook of {place.label} was made with another secret than ours", SYNC)
    if len(actions) > 1 and not first.drift:
        return fail(CHECK, f"{place.label} has {len(actions)} webhooks to {wanted.url}; everything is told twice", SYNC)
    return fail(CHECK, f"the webhook of {place.label} is not as it should be: {', '.join(first.drift)}", SYNC)


def _signed(action: Action) -> str:
    return ", made with our secret" if action.signed == "current" else "; it is not known which secret it was made with"


def _elsewhere(listed: Sequence[Hook], url: str) -> str | None:
    """Where a webhook leads that looks like one of ours. Only its host is shown: the rest may be another's secret."""
    for hook in listed:
        try:
            parts = urlsplit(hook.config.get("url", ""))
            if parts.path.endswith(urlsplit(url).path) and parts.hostname and not parts.query:
                return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        except ValueError:
            continue
    return None


def _worst(found: Sequence[Result]) -> Result:
    """The most serious; where all are well, one line for all of them."""
    order = ("fail", "warn", "skip", "ok")
    return min(found, key=lambda result: order.index(result.status))


async def _made(patient: Patient) -> tuple[InstalledHook, ...]:
    """The webhooks that we remember having made."""
    if patient.running is None:
        return _remembered(patient)
    try:
        told, _ = await run_remote(patient.running.socket, "hooks-known", {}, lambda _progress: None)
    except (CommandError, NotRunningError, OSError):
        return ()
    return msgspec.convert(told, Known).made


def _remembered(patient: Patient) -> tuple[InstalledHook, ...]:
    """As `state.db` has them; opened for reading alone, and nothing where it has none yet."""
    path = patient.config.data_dir / "state.db"
    if not path.exists():
        return ()
    try:
        with contextlib.closing(sqlite3.connect(read_only(path), uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            rows = [dict(row) for row in connection.execute("SELECT * FROM hooks")]
        return msgspec.convert(rows, tuple[InstalledHook, ...], strict=False)
    except (sqlite3.Error, msgspec.ValidationError):
        return ()
