"""Routes about repositories: lists, one, and what is done to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from .bodies import json_body, optional_text, text, texts
from .replies import ApiError, flag, number, reply
from .state import Repository, Unknown, User

if TYPE_CHECKING:
    from .standin import StandIn


def add_routes(app: web.Application, forge: StandIn) -> None:
    routes = Repositories(forge)
    get, post = app.router.add_get, app.router.add_post
    get("/api/v1/repos/search", routes.search)
    get("/api/v1/orgs/{login}/repos", routes.of_organization)
    get("/api/v1/users/{login}/repos", routes.of_user)
    get("/api/v1/user/repos", routes.mine)
    post("/api/v1/orgs/{login}/repos", routes.create)
    post("/api/v1/user/repos", routes.create)
    get("/api/v1/repositories/{id}", routes.by_id)
    get("/api/v1/repos/{owner}/{name}", routes.one)
    app.router.add_patch("/api/v1/repos/{owner}/{name}", routes.change)
    app.router.add_delete("/api/v1/repos/{owner}/{name}", routes.delete)
    post("/api/v1/repos/{owner}/{name}/forks", routes.fork)
    post("/api/v1/repos/{owner}/{name}/transfer", routes.transfer)
    get("/api/v1/repos/{owner}/{name}/languages", routes.languages)
    app.router.add_put("/api/v1/repos/{owner}/{name}/topics", routes.topics)
    app.router.add_put("/api/v1/repos/{owner}/{name}/collaborators/{login}", routes.collaborator)


class Repositories:
    """Handlers."""

    def __init__(self, forge: StandIn) -> None:
        self._forge = forge

    def _list(self, request: web.Request, items: list[Repository], *, wrapped: bool = False) -> web.Response:
        viewer = self._forge.access.user(request)
        return self._forge.replies.page(
            request, items, lambda r: self._forge.json.repository(r, viewer),
            wrap=lambda page: {"ok": True, "data": page} if wrapped else page,
        )  # fmt: skip

    def _visible(self, viewer: User | None) -> list[Repository]:
        return [r for r in self._forge.world.repositories.values() if r.may_read(viewer)]

    async def search(self, request: web.Request) -> web.Response:
        """By name, owner (`uid`; without `exclusive` also what the owner can merely see), in one of several orders.

        Ties in `updated` have no order of their own on the servers; here the younger id comes last.
        """
        query = request.query
        viewer = self._forge.access.user(request)
        found = self._visible(viewer)
        if number(query.get("uid")) and flag(query.get("exclusive")):
            found = [r for r in found if r.owner.id == number(query["uid"])]
        if query.get("q"):
            found = [r for r in found if query["q"].lower() in r.name.lower()]
        sort, order = query.get("sort", "alpha"), query.get("order", "asc")
        keys = {
            "alpha": lambda r: r.full_name.lower(), "created": lambda r: r.created_at,
            "updated": lambda r: r.updated_at, "id": lambda r: r.id, "size": lambda r: r.id,
        }  # fmt: skip
        if sort not in keys:
            raise ApiError(422, f'Invalid sort mode: "{sort}"')
        if order not in ("asc", "desc"):
            raise ApiError(422, f'Invalid sort order: "{order}"')
        found.sort(key=keys[sort], reverse=order == "desc")
        return self._list(request, found, wrapped=True)

    async def of_organization(self, request: web.Request) -> web.Response:
        owner = self._forge.world.user(request.match_info["login"])
        if not owner.organization:
            raise Unknown(owner.login)
        return self._of(request, owner)

    async def of_user(self, request: web.Request) -> web.Response:
        return self._of(request, self._forge.world.user(request.match_info["login"]))

    async def mine(self, request: web.Request) -> web.Response:
        return self._of(request, self._forge.access.required(request))

    def _of(self, request: web.Request, owner: User) -> web.Response:
        """In the order of ids."""
        viewer = self._forge.access.user(request)
        return self._list(request, [r for r in self._visible(viewer) if r.owner is owner])

    async def one(self, request: web.Request) -> web.Response:
        return self._tell(request, self._forge.access.repository(request))

    async def by_id(self, request: web.Request) -> web.Response:
        return self._tell(request, self._forge.access.repository_by_id(request))

    def _tell(self, request: web.Request, repository: Repository, status: int = 200) -> web.Response:
        return reply(self._forge.json.repository(repository, self._forge.access.user(request)), status=status)

    async def create(self, request: web.Request) -> web.Response:
        user = self._forge.access.required(request)
        owner = request.match_info.get("login", user.login)
        if owner != user.login and not user.admin:
            raise ApiError(403, "user should be an owner of the organization")
        body = await json_body(request)
        full_name = f"{self._forge.world.user(owner).login}/{text(body, 'name')}"
        await self._forge.create_repository(
            full_name, bool(body.get("private")), text(body, "default_branch", "main") or "main", user.login
        )
        repository = self._forge.repository(full_name)
        repository.description = text(body, "description", "")
        if body.get("auto_init"):
            readme = f"# {repository.name}\n".encode()
            branch = repository.default_branch
            await self._forge.commit(full_name, {"README.md": readme}, branch, "Initial commit", author=user.login)
        return self._tell(request, repository, 201)

    async def change(self, request: web.Request) -> web.Response:
        """PATCH: name, private, default_branch, archived, description. Every one moves updated_at."""
        repository = self._forge.access.repository(request, admin=True)
        doer = self._forge.access.required(request).login
        body = await json_body(request)
        name = optional_text(body, "name")
        if name and name != repository.name:
            await self._forge.rename_repository(repository.full_name, name, doer)
        if isinstance(body.get("private"), bool):
            await self._forge.set_private(repository.full_name, body["private"])
        if optional_text(body, "default_branch"):
            await self._forge.set_default_branch(repository.full_name, body["default_branch"])
        if isinstance(body.get("archived"), bool):
            await self._forge.archive(repository.full_name, body["archived"])
        if isinstance(body.get("has_pull_requests"), bool):
            await self._forge.switch_pull_requests(repository.full_name, body["has_pull_requests"])
        repository.description = optional_text(body, "description") or repository.description
        repository.updated_at = self._forge.world.now()
        return self._tell(request, repository)

    async def delete(self, request: web.Request) -> web.Response:
        repository = self._forge.access.repository(request, admin=True)
        await self._forge.delete_repository(repository.full_name, self._forge.access.required(request).login)
        return web.Response(status=204)

    async def fork(self, request: web.Request) -> web.Response:
        repository = self._forge.access.repository(request)
        user = self._forge.access.required(request)
        body = await json_body(request)
        owner = optional_text(body, "organization") or user.login
        fork = await self._forge.fork(repository.full_name, owner, optional_text(body, "name") or "")
        return self._tell(request, self._forge.repository(fork), 202)

    async def transfer(self, request: web.Request) -> web.Response:
        repository = self._forge.access.repository(request, admin=True)
        owner = text(await json_body(request), "new_owner")
        await self._forge.transfer(repository.full_name, owner, self._forge.access.required(request).login)
        return self._tell(request, repository, 202)

    async def languages(self, request: web.Request) -> web.Response:
        self._forge.access.repository(request)
        return reply({})

    async def topics(self, request: web.Request) -> web.Response:
        repository = self._forge.access.repository(request, admin=True)
        self._forge.set_topics(repository.full_name, texts(await json_body(request), "topics"))
        return web.Response(status=204)

    async def collaborator(self, request: web.Request) -> web.Response:
        repository = self._forge.access.repository(request, admin=True)
        user = self._forge.world.user(request.match_info["login"])
        self._forge.add_collaborator(repository.full_name, user.login)
        return web.Response(status=204)
