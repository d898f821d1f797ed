"""Routes about webhooks of organizations, repositories and the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from .bodies import json_body
from .hooks import change_from, create_from, hook_json
from .objects import NULL_ID
from .replies import ApiError, reply
from .serialise import Json
from .signals import NO_RIGHTS
from .state import Hook, Repository, Unknown, User

if TYPE_CHECKING:
    from .standin import StandIn


def add_routes(app: web.Application, forge: StandIn) -> None:
    routes = Hooks(forge)
    for base in ("/api/v1/orgs/{login}/hooks", "/api/v1/user/hooks", "/api/v1/repos/{owner}/{name}/hooks"):
        app.router.add_get(base, routes.list)
        app.router.add_post(base, routes.create)
        app.router.add_get(f"{base}/{{id}}", routes.one)
        app.router.add_patch(f"{base}/{{id}}", routes.change)
        app.router.add_delete(f"{base}/{{id}}", routes.delete)
    app.router.add_post("/api/v1/repos/{owner}/{name}/hooks/{id}/tests", routes.test)


class Hooks:
    """Handlers. A scope is an owner or a repository; its administrators alone may look."""

    def __init__(self, forge: StandIn) -> None:
        self._forge = forge

    def _scope(self, request: web.Request) -> tuple[User | None, Repository | None]:
        user = self._forge.access.required(request)
        if "name" in request.match_info:
            return None, self._forge.access.repository(request, admin=True)
        if "login" not in request.match_info:
            return user, None
        owner = self._forge.world.user(request.match_info["login"])
        if not owner.organization:
            raise Unknown(owner.login)
        if not user.admin:
            raise ApiError(403, "Must be an organization owner")
        return owner, None

    def _of_scope(self, request: web.Request) -> list[Hook]:
        owner, repository = self._scope(request)
        return [h for h in self._forge.world.hooks.values() if h.owner is owner and h.repository is repository]

    def _hook(self, request: web.Request) -> Hook:
        found = next((h for h in self._of_scope(request) if str(h.id) == request.match_info["id"]), None)
        if found is None:
            raise Unknown(f"hook {request.match_info['id']}")
        return found

    def _json(self, hook: Hook) -> Json:
        return hook_json(hook, forgejo=self._forge.world.forgejo)

    async def list(self, request: web.Request) -> web.Response:
        return self._forge.replies.page(request, self._of_scope(request), self._json)

    async def one(self, request: web.Request) -> web.Response:
        return reply(self._json(self._hook(request)))

    async def create(self, request: web.Request) -> web.Response:
        owner, repository = self._scope(request)
        hook = create_from(self._forge.world, owner, repository, await json_body(request))
        return reply(self._json(hook), status=201)

    async def change(self, request: web.Request) -> web.Response:
        hook = self._hook(request)
        change_from(self._forge.world, hook, await json_body(request))
        return reply(self._json(hook))

    async def delete(self, request: web.Request) -> web.Response:
        del self._forge.world.hooks[self._hook(request).id]
        return web.Response(status=204)

    async def test(self, request: web.Request) -> web.Response:
        """A push delivery of the default branch's tip onto itself."""
        hook = self._hook(request)
        repository = self._forge.access.repository(request, admin=True)
        doer = self._forge.access.required(request)
        json = self._forge.json
        sha = repository.branches.get(repository.default_branch)
        commit = await repository.git.commit(sha) if sha else None
        told = json.payload_commit(repository, commit, None) | {"verification": None} if commit else None
        self._forge.deliveries.queue(
            hook, "push",
            {
                "ref": f"refs/heads/{repository.default_branch}", "before": sha or NULL_ID, "after": sha or NULL_ID,
                "compare_url": f"{json.page(repository)}/compare/{sha}...{sha}", "commits": [told] if told else [],
                "total_commits": 1, "head_commit": told,
                "repository": json.repository(repository, doer, permissions=NO_RIGHTS),
                "pusher": json.user(doer), "sender": json.user(doer),
            },
        )  # fmt: skip
        return web.Response(status=204)
