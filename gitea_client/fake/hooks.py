"""Webhooks: their rows, their JSON, and the rules of creating and changing them (routers/api/v1/utils/hook.go)."""

from __future__ import annotations

from .bodies import part, text, texts
from .replies import ApiError
from .serialise import Json, stamp
from .signals import expand_events
from .state import Hook, Repository, User, World

TYPES = (
    "gitea", "gogs", "slack", "discord", "dingtalk", "telegram", "msteams", "feishu", "matrix", "wechatwork",
    "packagist",
)  # fmt: skip
"""Formats of payloads; Forgejo has one more, its own."""


def make_hook(
    world: World, owner: User | None, repository: Repository | None, *, url: str, secret: str, events: list[str],
    content_type: str = "json", active: bool = False, authorization_header: str = "", branch_filter: str = "",
    kind: str = "gitea",
) -> Hook:  # fmt: skip
    """A new webhook of an owner or of a repository; raises ValueError for an unknown encoding."""
    if content_type not in ("json", "form"):
        raise ValueError(f"content type {content_type!r}: it is json or form")
    now = world.now()
    number = world.next_id("hook")
    hook = Hook(
        number, owner, repository, url, secret, expand_events(events), content_type, active, now, now,
        authorization_header, branch_filter, kind,
    )  # fmt: skip
    world.hooks[number] = hook
    return hook


def hook_json(hook: Hook, *, forgejo: bool) -> Json:
    """As the API tells it: never with the secret."""
    return {
        "id": hook.id, "type": hook.type, "branch_filter": hook.branch_filter, **({"url": hook.url} if forgejo else {}),
        "config": {"content_type": hook.content_type, "url": hook.url}, "events": hook.events,
        "authorization_header": hook.authorization_header,
        **({"content_type": hook.content_type, "metadata": None} if forgejo else {}), "active": hook.active,
        "updated_at": stamp(hook.updated), "created_at": stamp(hook.created),
    }  # fmt: skip


def create_from(world: World, owner: User | None, repository: Repository | None, body: Json) -> Hook:
    """What POST does: `active` is false unless given, no events mean push. Raises ApiError 422."""
    config = part(body, "config")
    kind = text(body, "type")
    if kind not in TYPES and not (kind == "forgejo" and world.forgejo):
        raise ApiError(422, "Invalid hook type")
    for option in ("url", "content_type"):
        if option not in config:
            raise ApiError(422, f"Missing config option: {option}")
    if config["content_type"] not in ("json", "form"):
        raise ApiError(422, "Invalid content type")
    return make_hook(
        world, owner, repository, url=str(config["url"]), secret=str(config.get("secret", "")),
        events=texts(body, "events"), content_type=str(config["content_type"]),
        active=bool(body.get("active", False)), authorization_header=str(body.get("authorization_header") or ""),
        branch_filter=str(body.get("branch_filter") or ""), kind=kind,
    )  # fmt: skip


def change_from(world: World, hook: Hook, body: Json) -> None:
    """What PATCH does. What it leaves out falls back: `events` to push, the branch filter and the authorization header
    to nothing; address, encoding and `active` stay. The secret cannot be changed. Raises ApiError 422."""
    config = part(body, "config")
    if "content_type" in config and config["content_type"] not in ("json", "form"):
        raise ApiError(422, "Invalid content type")
    hook.url = str(config.get("url", hook.url))
    hook.content_type = str(config.get("content_type", hook.content_type))
    hook.events = expand_events(texts(body, "events"))
    hook.authorization_header = str(body.get("authorization_header") or "")
    hook.branch_filter = str(body.get("branch_filter") or "")
    if body.get("active") is not None:
        hook.active = bool(body["active"])
    hook.updated = world.now()
