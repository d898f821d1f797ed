"""Webhooks of one forge: listing, making, changing, testing and deleting them. The only part that writes to a forge.

Rights: a repository's need its administrator and `write:repository`, an organisation's an owner of it and
`write:organization`, one's own `write:user`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import msgspec
from msgspec import Struct

from gitea_client.errors import Forbidden
from gitea_client.paging import complete, pages
from gitea_client.paths import segment
from gitea_client.secret import Secret
from gitea_client.transport import Transport
from gitea_client.wire import Hook, Unusable, User, decode, decode_each

API = "/api/v1"


class HookScope(Struct, frozen=True):
    """Whose webhooks: an organisation's (`owner`), a repository's (`owner` and `name`), one's own (neither)."""

    owner: str | None = None
    name: str | None = None

    @property
    def label(self) -> str:
        """For people: acme, acme/meta, or "your own"."""
        if self.owner is None:
            return "your own"
        return self.owner if self.name is None else f"{self.owner}/{self.name}"

    @property
    def path(self) -> str:
        """Below the forge's address."""
        if self.owner is None:
            return f"{API}/user/hooks"
        if self.name is None:
            return f"{API}/orgs/{segment(self.owner)}/hooks"
        return f"{API}/repos/{segment(self.owner)}/{segment(self.name)}/hooks"

    @property
    def route(self) -> str:
        """The template under which requests are counted."""
        if self.owner is None:
            return f"{API}/user/hooks"
        return f"{API}/orgs/{{org}}/hooks" if self.name is None else f"{API}/repos/{{owner}}/{{name}}/hooks"


class Hooks:
    """The webhooks of one forge. Everything raises from the tree in `errors`; nothing that writes is repeated."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self, scope: HookScope) -> list[Hook]:
        """All of them. Missing or Forbidden where the token may not look."""

        def parse(body: bytes, what: str) -> list[Hook | Unusable]:
            return decode_each(Hook, body, what)

        nameless = count(start=1)
        found = await complete(
            lambda: pages(self._transport, scope.path, {}, parse, route=scope.route),
            lambda hook: hook.id if hook.id is not None else -next(nameless),
            f"GET {scope.path}",
        )
        return [hook for hook in found.items if isinstance(hook, Hook)]

    async def whose(self) -> str | None:
        """The login of the token's user; None where the token lacks `read:user`."""
        try:
            answer = await self._transport.request("GET", f"{API}/user")
        except Forbidden:
            return None
        return decode(User, answer.body, f"GET {API}/user").login

    async def create(
        self, scope: HookScope, *, url: str, secret: Secret, events: Sequence[str], like: Hook | None = None
    ) -> Hook:
        """Make an active webhook that sends JSON signed with `secret` to `url`.

        `like` is the one it replaces: its authorization header, which a proxy may ask for, is taken over.
        """
        config = {"url": url, "content_type": "json", "secret": secret.reveal()}
        answer = await self._write("POST", scope, "", {"type": "gitea", "config": config, **_wanted(events, like)})
        return decode(Hook, answer, f"POST {scope.path}")

    async def change(self, scope: HookScope, hook: Hook, *, url: str, events: Sequence[str]) -> Hook:
        """Set address, encoding and events, and make it active for all branches.

        What a PATCH leaves out is reset: `events` to push, the branch filter and the authorization header to nothing;
        so the latter is sent back as it was.

        The secret stays: the servers take none here, so another secret needs another webhook.
        """
        config = {"url": url, "content_type": "json"}
        body = {"config": config, "branch_filter": "*", **_wanted(events, hook)}
        answer = await self._write("PATCH", scope, f"/{hook.id}", body)
        return decode(Hook, answer, f"PATCH {scope.path}/{hook.id}")

    async def delete(self, scope: HookScope, hook_id: int) -> None:
        """Delete one."""
        await self._write("DELETE", scope, f"/{hook_id}", None)

    async def test(self, scope: HookScope, hook_id: int) -> None:
        """Have the forge send a push delivery of the default branch. Only a repository's webhook can be tested so."""
        if scope.name is None:
            raise ValueError("the API tests webhooks of repositories only")
        await self._write("POST", scope, f"/{hook_id}/tests", None)

    async def _write(self, method: str, scope: HookScope, rest: str, body: object) -> bytes:
        content = None if body is None else msgspec.json.encode(body)
        template = "" if not rest else "/{id}" if rest.count("/") == 1 else "/{id}/tests"
        answer = await self._transport.request(
            method,
            scope.path + rest,
            body=content,
            headers={"Content-Type": "application/json"} if content else None,
            route=scope.route + template,
        )
        return answer.body


def _wanted(events: Sequence[str], former: Hook | None) -> dict[str, object]:
    kept = {"authorization_header": former.authorization_header} if former and former.authorization_header else {}
    return {"active": True, "events": [*events], **kept}
