"""`forgeglass hooks`, from the configuration to the outcome."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from daemon.cli.run import Expected, guarded
from daemon.config import Config
from daemon.config.errors import BadValueError
from daemon.config.secret_files import Secrets, read_secret, read_secrets
from daemon.hooks.address import hook_url
from daemon.hooks.outcome import Outcome
from daemon.hooks.owner import Owner, known, owner_of
from daemon.hooks.secret import with_webhook_secret
from daemon.hooks.sync import SALT_BYTES, Options, Sync, Tell
from gitea_client.errors import ForgeError, Unauthorized
from gitea_client.hooks import Hooks
from gitea_client.secret import Secret
from gitea_client.transport import Transport


def run(
    config: Config, environ: Mapping[str, str], token_file: Path | None, options: Options, tell: Tell,
    *, new_secret: bool = False,
) -> Outcome:  # fmt: skip
    """Look at the webhooks, and with `options.apply` put them in order; with `new_secret` under another secret.

    Raises cli.run.Expected for what a person can mend.
    """
    outcome: Outcome = guarded(lambda: asyncio.run(_run(config, environ, token_file, options, tell, new_secret)))
    return outcome


async def _run(
    config: Config, environ: Mapping[str, str], token_file: Path | None, options: Options, tell: Tell, new_secret: bool
) -> Outcome:
    url = hook_url(config)
    secrets = read_secrets(config, environ)
    token = _token(token_file, secrets)
    ca_file = str(config.forge.ca_file) if config.forge.ca_file else None
    async with owner_of(config, secrets) as owner:
        if secrets.webhook_secret is None:  # the service manager may have given it to the daemon alone
            secrets = replace(secrets, webhook_secret=await owner.secret())
        if options.apply:
            secrets = await _ready(config, environ, secrets, owner, new_secret)
        async with Transport(
            config.forge.url, token, concurrency=config.forge.concurrency, timeout=config.forge.timeout, ca_file=ca_file
        ) as transport:
            sync = Sync(Hooks(transport), owner, url, secrets.webhook_secret, options, os.urandom, tell)
            try:
                return await sync.run(config.forge.owners)
            except Unauthorized as error:
                raise Expected(f"{error}; {_token_remedy(token_file)}", 3) from None
            except ForgeError as error:
                raise Expected(f"{error}; {error.remedy}", 3) from None


def _token(token_file: Path | None, secrets: Secrets) -> Secret:
    if token_file is not None:
        try:
            return read_secret(token_file)
        except BadValueError as error:
            raise Expected(f"--token-file: {error}") from None
    if secrets.token is None:
        raise Expected("there is no token; name a file that holds one with --token-file FILE")
    return secrets.token


def _token_remedy(token_file: Path | None) -> str:
    where = str(token_file) if token_file is not None else "forge.token_file"
    return f"make a new token on the forge and put it into {where}"


async def _ready(
    config: Config, environ: Mapping[str, str], secrets: Secrets, owner: Owner, new_secret: bool
) -> Secrets:
    """The secret that webhooks are to be made with, accepted by the daemon that runs, if one does."""
    if secrets.webhook_secret is None and (await known(owner)).made:
        raise Expected(
            "the secret that webhooks were made with is not known here: the service manager may give it to the daemon "
            "alone; start the daemon, and run this again"
        )
    secrets = with_webhook_secret(config, secrets, os.urandom)
    if new_secret:
        if not await owner.renew(secrets, os.urandom):
            raise Expected(
                "--new-secret renews only a secret that made itself, and this one is given; put the new one in its "
                "place, name the old one as forge.webhook_secret_previous_file, restart the daemon, and run this "
                "without --new-secret"
            )
        secrets = read_secrets(config, environ)
    secret = secrets.webhook_secret
    if secret is None or not await owner.accepts(secret.reveal().encode(), os.urandom(SALT_BYTES).hex()):
        raise Expected(
            "the daemon that runs does not accept this webhook secret, and would refuse every delivery; restart the "
            "daemon, so that it reads the secret anew, and run this again"
        )
    return secrets
