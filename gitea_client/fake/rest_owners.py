"""Routes about the server, its people, and what happened at their places."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .bodies import json_body, text
from .replies import ApiError, reply
from .state import Activity, Unknown, User

if TYPE_CHECKING:
    from .standin import StandIn

VERSIONS = {"gitea": "1.23.0", "gitea-1.26": "1.26.3", "forgejo": "15.0.3+gitea-1.22.0"}
SEARCH_PAGE = 20
"""Issue search shows 20 items unless asked for more (repository issues search uses its own default)."""


def add_routes(app: web.Application, forge: StandIn) -> None:
    routes = Owners(forge)
    get, post = app.router.add_get, app.router.add_post
    get("/api/v1/version", routes.version)
    get("/api/forgejo/v1/version", routes.forgejo_version)
    get("/api/v1/settings/api", routes.settings)
    get("/api/healthz", routes.health)
    get("/api/v1/user", routes.me)
    get("/api/v1/users/search", routes.search_users)
    get("/api/v1/users/{login}", routes.user)
    get("/api/v1/users/{login}/activities/feeds", routes.user_feed)
    get("/api/v1/orgs/{login}", routes.organization)
    get("/api/v1/orgs/{login}/activities/feeds", routes.organization_feed)
    post("/api/v1/orgs", routes.create_organization)
    post("/api/v1/admin/users", routes.create_user)
    get("/api/v1/repos/issues/search", routes.search_issues)
    get("/api/v1/repos/{owner}/{name}/activities/feeds", routes.repository_feed)


class Owners:
    """Handlers; the facts behind each are beside it."""

    def __init__(self, forge: StandIn) -> None:
        self._forge = forge

    async def version(self, _: web.Request) -> web.Response:
        return reply({"version": VERSIONS[self._forge.world.flavour]})

    async def forgejo_version(self, _: web.Request) -> web.Response:
        """Only Forgejo has it: this is how the two are told apart."""
        if not self._forge.world.forgejo:
            return web.Response(status=404, text="Not found.\n")
        return reply({"version": VERSIONS["forgejo"]})

    async def health(self, _: web.Request) -> web.Response:
        return reply({"status": "pass", "description": "Gitea: Git with a cup of tea"})

    async def settings(self, _: web.Request) -> web.Response:
        cap = self._forge.replies.page_cap
        return reply(
            {
                "max_response_items": cap, "default_paging_num": min(30, cap), "default_git_trees_per_page": 1000,
                "default_max_blob_size": 10485760,
            }
        )  # fmt: skip

    async def me(self, request: web.Request) -> web.Response:
        return reply(self._forge.json.user(self._forge.access.required(request), full=True))

    async def user(self, request: web.Request) -> web.Response:
        """Organizations are found here too."""
        self._forge.access.user(request)
        return reply(self._forge.json.user(self._forge.world.user(request.match_info["login"]), full=True))

    async def search_users(self, request: web.Request) -> web.Response:
        """People whose login or address holds `q`, by login; `_` and `%` are wildcards, as the servers leave them.

        Nobody is found by a hidden address but by an administrator or its owner; who does not sign in finds people by
        the others' addresses, and is shown no-reply ones.
        """
        viewer = self._forge.access.user(request)
        wanted = _like(request.query.get("q", "").strip())
        everybody = sorted(self._forge.world.users.values(), key=lambda user: user.login.lower())
        found = [
            user
            for user in everybody
            if not user.organization
            and (wanted(user.login) or (wanted(user.email) and (user.may_be_known(viewer) or not user.hides_address)))
        ]

        def shown(user: User) -> dict[str, Any]:
            told = self._forge.json.user(user, full=user.may_be_known(viewer)) or {}
            return {**told, "email": user.email} if viewer and not user.hides_address else told

        return self._forge.replies.page(request, found, shown, wrap=lambda page: {"data": page, "ok": True})

    def _organization(self, request: web.Request) -> User:
        self._forge.access.user(request)
        found = self._forge.world.user(request.match_info["login"])
        if not found.organization:
            raise Unknown(found.login)
        return found

    async def organization(self, request: web.Request) -> web.Response:
        """404 for a person."""
        return reply(self._forge.json.organization(self._organization(request)))

    async def create_organization(self, request: web.Request) -> web.Response:
        self._forge.access.required(request)
        name = text(await json_body(request), "username")
        self._forge.create_organization(name)
        return reply(self._forge.json.organization(self._forge.world.user(name)), status=201)

    async def create_user(self, request: web.Request) -> web.Response:
        if not self._forge.access.required(request).admin:
            raise ApiError(403, "user should be the site admin")
        user = self._forge.create_user(text(await json_body(request), "username"))
        return reply(self._forge.json.user(user, full=True), status=201)

    # Feeds

    async def user_feed(self, request: web.Request) -> web.Response:
        return self._feed(request, receiver=self._forge.world.user(request.match_info["login"]))

    async def organization_feed(self, request: web.Request) -> web.Response:
        return self._feed(request, receiver=self._organization(request))

    async def repository_feed(self, request: web.Request) -> web.Response:
        """The actors' own copies of what happened in one repository."""
        repository = self._forge.access.repository(request)
        items = [i for i in self._forge.world.activities if i.repository is repository and i.receiver is i.actor]
        return self._feed_page(request, items)

    def _feed(self, request: web.Request, receiver: User) -> web.Response:
        return self._feed_page(request, [i for i in self._forge.world.activities if i.receiver is receiver])

    def _feed_page(self, request: web.Request, items: list[Activity]) -> web.Response:
        """Newest first by time, without a Link header. Within a second the order is the database's own: ids rise on
        Gitea, fall on Forgejo."""
        viewer = self._forge.access.user(request)
        seen = [item for item in items if item.repository.may_read(viewer)]
        day = request.query.get("date")
        if day:
            seen = [item for item in seen if item.created.date().isoformat() == day]
        forgejo = self._forge.world.forgejo
        seen.sort(key=lambda item: (item.created, item.id if forgejo else -item.id), reverse=True)
        make = self._forge.json.activity
        return self._forge.replies.page(request, seen, lambda item: make(item, viewer), links=False)

    # Issues

    async def search_issues(self, request: web.Request) -> web.Response:
        """Pull requests of every repository: open ones unless asked, 20 a page, no head, no base.

        `since` and `before` are inclusive, on updated_at. Gitea sorts by creation, newest first; Forgejo takes `sort`.
        """
        viewer = self._forge.access.user(request)
        query = request.query
        found = [pull for pull in self._forge.world.pulls() if pull.repository.may_read(viewer)]
        if query.get("type") == "issues":
            found = []
        state = query.get("state", "open")
        if state != "all":
            found = [pull for pull in found if pull.open == (state != "closed")]
        if query.get("owner"):
            try:
                owner = self._forge.world.user(query["owner"])
            except Unknown as error:
                raise ApiError(400, "Owner not found") from error
            found = [pull for pull in found if pull.repository.owner is owner]
        since, before = moment(query.get("since")), moment(query.get("before"))
        found = [p for p in found if (not since or p.updated >= since) and (not before or p.updated <= before)]
        found.sort(key=lambda pull: (pull.created, pull.id), reverse=True)
        if self._forge.world.forgejo and query.get("sort") in ("recentupdate", "leastupdate"):
            found.sort(key=lambda pull: (pull.updated, pull.id), reverse=query["sort"] == "recentupdate")
        return self._forge.replies.page(request, found, self._forge.json.issue, default=SEARCH_PAGE)


def _like(part: str) -> Callable[[str], bool]:
    """Whether a text holds this part, as SQL's LIKE tells it."""
    wild = {"_": ".", "%": ".*"}
    pattern = re.compile("".join(wild.get(c, re.escape(c)) for c in part), re.IGNORECASE | re.DOTALL)
    return lambda text: pattern.search(text) is not None


def moment(value: str | None) -> datetime | None:
    """A query's time; raises ApiError 422 when it is none."""
    if not value:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise ApiError(422, f"parsing time {value!r}") from error
    if found.tzinfo is None:
        raise ApiError(422, f"parsing time {value!r}: no zone")
    return found
