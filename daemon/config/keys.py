"""Every key of the configuration, once: what it is called, what it takes, what it is when left out, what it does.

`config.load` checks against this table, the Structs take their defaults from it, and the documentation prints it.
"""

from __future__ import annotations

from typing import Any, Final

from daemon.config import kinds
from daemon.config.key import PREFIX, Key, variable
from daemon.config.limits import LIMIT_KEYS

__all__ = ["CONFIG_VARIABLE", "KEYS", "KEYS_BY_NAME", "PREFIX", "SECRET_VARIABLES", "Key", "default", "variable"]


KEYS: Final = (
    Key("data_dir", kinds.PATH, "Where cache.db, state.db and the object stores live.", required=True),
    Key("listen", kinds.ADDRESS, "Where the API and the webhook receiver listen.", "127.0.0.1:8088"),
    Key("public_url", kinds.URL, "How others reach this server, for links and for the webhooks it installs."),
    Key("group", kinds.TEXT, "The group of users who may read cache.db directly."),
    Key("forge.url", kinds.URL, "The forge, with its sub-path if it has one.", required=True),
    Key("forge.aliases", kinds.URLS, "Other addresses of the forge, as people write them into entries.", []),
    Key("forge.token_file", kinds.SECRET_PATH, "The file with the access token."),
    Key("forge.webhook_secret_file", kinds.SECRET_PATH, "The file with the secret that signs deliveries."),
    Key(
        "forge.webhook_secret_previous_file",
        kinds.SECRET_PATH,
        "The secret before that one, accepted as well while hooks are being changed over.",
    ),
    Key("forge.ca_file", kinds.PATH, "Certificates to trust (PEM), for a forge with a certificate of its own."),
    Key("forge.owners", kinds.OWNERS, "The users and organisations whose repositories are read.", required=True),
    Key("forge.concurrency", kinds.whole(1, 64), "How many requests and git runs may be under way together.", 8),
    Key("forge.timeout", kinds.duration(0.1), "How long the forge may take to answer one request.", "30s"),
    Key("forge.git", kinds.TEXT, "The git program: a name to be found, or a path.", "git"),
    Key(
        "forge.max_file_size",
        kinds.size(1024),
        "Files larger than this are not fetched, and are a finding; an entry has 1 MiB at most.",
        "1MB",
    ),
    Key("sweep.interval", kinds.duration(1), "How often a quiet sweep looks for what no webhook told.", "60s"),
    Key("sweep.deep_interval", kinds.duration(1), "How long a deep sweep takes to go round everything.", "1h"),
    Key("sweep.overlap", kinds.duration(0), "How far before its last watermark a quiet sweep looks again.", "30s"),
    Key("webhooks.path", kinds.ROUTE, "Where deliveries are received.", "/webhooks/gitea"),
    Key("webhooks.max_body", kinds.size(1024), "Deliveries larger than this are refused.", "8MB"),
    Key("api.query_timeout", kinds.duration(0.01), "How long one query may run before it is stopped.", "5s"),
    Key("api.feed_keep", kinds.whole(1000, 10**9), "How many changes the feed keeps for readers who resume.", 100_000),
    Key(
        "api.anonymous",
        kinds.choice("public", "all", "none"),
        "What is told without a token: what comes from public repositories, all, or nothing.",
        "public",
    ),
    Key(
        "api.proxy_addresses",
        kinds.NETWORKS,
        "Addresses of a proxy that signs people in and is believed when it names them; none is.",
        [],
    ),
    Key("api.proxy_header", kinds.HEADER, "The header in which that proxy names who asks.", "Remote-User"),
    Key("api.proxy_token", kinds.TEXT, "The name of the token whose scopes people have that the proxy names."),
    Key("api.cors_origins", kinds.ORIGINS, "Origins whose pages may read the API in a browser; * stands for all.", []),
    Key("log.level", kinds.choice("debug", "info", "warning", "error"), "What is logged, from this level up.", "info"),
    Key(
        "log.format",
        kinds.choice("auto", "json", "console"),
        "How it is logged; auto is console on a terminal and json elsewhere.",
        "auto",
    ),
    *LIMIT_KEYS,
)

KEYS_BY_NAME: Final = {key.name: key for key in KEYS}

SECRET_VARIABLES: Final = {
    "token": "FORGEGLASS_FORGE_TOKEN",
    "webhook_secret": "FORGEGLASS_FORGE_WEBHOOK_SECRET",
    "webhook_secret_previous": "FORGEGLASS_FORGE_WEBHOOK_SECRET_PREVIOUS",
}
"""The environment variable that may hold each secret itself, where there is neither a file nor a credential."""

CONFIG_VARIABLE: Final = "FORGEGLASS_CONFIG"
"""Names the configuration file; read by the command, not a key."""


def default(name: str) -> Any:
    """Return the default of the key `name` as the program uses it: default("sweep.interval") is 60.0."""
    key = KEYS_BY_NAME[name]
    return None if key.default is None else key.kind.parse(key.default)
