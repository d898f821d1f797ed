"""Routes about pull requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from .bodies import json_body, optional_text, text
from .replies import ApiError, reply
from .rest_branches import commit_list
from .rest_owners import moment
from .state import Pull, Unknown

if TYPE_CHECKING:
    from .standin import StandIn


def add_routes(app: web.Application, forge: StandIn) -> None:
    routes = Pulls(forge)
    base = "/api/v1/repos/{owner}/{name}"
    get, post = app.router.add_get, app.router.add_post
    get(f"{base}/pulls", routes.list)
    post(f"{base}/pulls", routes.open)
    get(f"{base}/pulls/{{number}}", routes.one)
    app.router.add_patch(f"{base}/pulls/{{number}}", routes.change)
    post(f"{base}/pulls/{{number}}/merge", routes.merge)
    get(f"{base}/pulls/{{number}}/files", routes.files)
    get(f"{base}/pulls/{{number}}/commits", routes.commits)
    get(f"{base}/pulls/{{number}}/reviews", routes.reviews)
    post(f"{base}/pulls/{{number}}/reviews", routes.review)
    get(f"{base}/issues/{{number}}/timeline", routes.timeline)
    get(f"{base}/issues/{{number}}/comments", routes.comments)
    post(f"{base}/issues/{{number}}/comments", routes.comment)
    app.router.add_patch(f"{base}/issues/comments/{{comment}}", routes.edit_comment)
    app.router.add_delete(f"{base}/issues/{{number}}", routes.delete)
    post(f"{base}/labels", routes.create_label)
    post(f"{base}/issues/{{number}}/labels", routes.label)


class Pulls:
    """Handlers."""

    def __init__(self, forge: StandIn) -> None:
        self._forge = forge

    async def list(self, request: web.Request) -> web.Response:
        """All states unless asked. Every item costs git calls; one that cannot be read is null."""
        repository = self._forge.access.repository(request)
        if repository.empty or not repository.has_pull_requests:
            return self._forge.replies.missing()
        viewer = self._forge.access.user(request)
        query = request.query
        found = list(repository.pulls.values())
        if query.get("state") in ("open", "closed"):
            found = [pull for pull in found if pull.open == (query["state"] == "open")]
        orders: dict[str, tuple[Any, bool]] = {
            "oldest": (lambda p: (p.created, p.id), False),
            "recentupdate": (lambda p: (p.updated, p.created, p.id), True),
            "leastupdate": (lambda p: (p.updated, p.created, p.id), False),
            "mostcomment": (lambda p: p.comments, True), "leastcomment": (lambda p: p.comments, False),
        }  # fmt: skip
        key, reverse = orders.get(query.get("sort", ""), (lambda p: (p.created, p.id), True))
        found.sort(key=key, reverse=reverse)
        shown = [await self._item(pull, viewer) for pull in found[self._forge.replies.window(request)]]
        return reply(
            shown or (None if self._forge.null_lists else []),
            headers=self._forge.replies.headers(request, len(found)),
        )

    async def _item(self, pull: Pull, viewer: Any) -> Any:
        if pull.id in self._forge.null_pulls:
            return None
        # lists leave out who merged, though a single one tells it: seen on Gitea 1.23 and Forgejo 11
        return {**await self._forge.json.pull(pull, viewer), "merged_by": None}

    async def _tell(self, request: web.Request, pull: Pull, status: int = 200) -> web.Response:
        return reply(await self._forge.json.pull(pull, self._forge.access.user(request)), status=status)

    async def one(self, request: web.Request) -> web.Response:
        return await self._tell(request, self._forge.access.pull(request))

    async def open(self, request: web.Request) -> web.Response:
        repository = self._forge.access.repository(request)
        doer = self._forge.access.required(request)
        body = await json_body(request)
        number = await self._forge.open_pull(
            repository.full_name, text(body, "head"), text(body, "base"), text(body, "title"), text(body, "body", ""),
            doer.login,
        )  # fmt: skip
        return await self._tell(request, repository.pulls[number], 201)

    async def change(self, request: web.Request) -> web.Response:
        """PATCH: title, body, base, state. Reopening this way leaves refs/pull/N/head as it was."""
        pull = self._forge.access.pull(request)
        doer = self._forge.access.required(request)
        if doer is not pull.poster and not pull.repository.may_write(doer):
            raise ApiError(403, "no rights to change this pull request")
        body, name = await json_body(request), pull.repository.full_name
        await self._forge.edit_pull(
            name, pull.number, optional_text(body, "title"), optional_text(body, "body"), optional_text(body, "base"),
            doer.login,
        )  # fmt: skip
        if body.get("state") == "closed":
            await self._forge.close(name, pull.number, doer.login)
        elif body.get("state") == "open":
            await self._forge.reopen(name, pull.number, "api", doer.login)
        return await self._tell(request, pull, 201)

    async def merge(self, request: web.Request) -> web.Response:
        pull = self._forge.access.pull(request, write=True)
        doer = self._forge.access.required(request)
        body = await json_body(request)
        style = text(body, "Do") if "Do" in body else text(body, "do")
        title, message = text(body, "MergeTitleField", ""), text(body, "MergeMessageField", "")
        whole = "\n\n".join(part for part in (title, message) if part)
        await self._forge.merge(
            pull.repository.full_name, pull.number, style, bool(body.get("delete_branch_after_merge")),  # type: ignore[arg-type]  # an unknown style is refused inside
            doer.login, f"{whole}\n" if whole else "",
        )  # fmt: skip
        return web.Response(status=200)

    async def delete(self, request: web.Request) -> web.Response:
        pull = self._forge.access.pull(request)
        if not pull.repository.may_administer(self._forge.access.user(request)):
            raise ApiError(403, "only admins delete issues")
        await self._forge.delete_pull(pull.repository.full_name, pull.number)
        return web.Response(status=204)

    async def files(self, request: web.Request) -> web.Response:
        """Differences between the merge base and refs/pull/N/head."""
        pull = self._forge.access.pull(request)
        repository, git = pull.repository, pull.repository.git
        head = git.ref(pull.ref) or ""
        rows = await git.numstat(pull.merge_base, head)
        out = (await git.run("diff", "--name-status", "--no-renames", "-z", pull.merge_base, head)).decode().split("\0")
        status = dict(zip(out[1::2], out[::2], strict=False))
        words = {"A": "added", "D": "deleted", "M": "changed", "T": "changed"}
        page, api = self._forge.json.page(repository), f"{self._forge.json.api}/repos/{repository.full_name}"
        files = [
            {
                "filename": path, "status": words.get(status.get(path, "M"), "changed"), "additions": added,
                "deletions": deleted, "changes": added + deleted,
                "html_url": f"{page}/src/commit/{head}/{path}", "contents_url": f"{api}/contents/{path}?ref={head}",
                "raw_url": f"{page}/raw/commit/{head}/{path}",
            }
            for added, deleted, path in rows
        ]  # fmt: skip
        return self._forge.replies.page(request, files)

    async def commits(self, request: web.Request) -> web.Response:
        """The pull request's commits, newest first. `stat=false` is ignored here."""
        pull = self._forge.access.pull(request)
        head = pull.repository.git.ref(pull.ref) or ""
        ids = await pull.repository.git.rev_list(f"{pull.merge_base}..{head}")
        shown = ids[self._forge.replies.window(request)]
        headers = self._forge.replies.headers(request, len(ids))
        return reply(
            await commit_list(self._forge, pull.repository, shown, request.query, always_stats=True), headers=headers
        )

    async def timeline(self, request: web.Request) -> web.Response:
        """Oldest first; without `page` all of it. X-Total-Count counts what this answer holds."""
        pull = self._forge.access.pull(request)
        since, before = moment(request.query.get("since")), moment(request.query.get("before"))
        events = [
            event for event in sorted(pull.timeline, key=lambda e: (e.created, e.id))
            if (not since or event.updated >= since) and (not before or event.updated <= before)
        ]  # fmt: skip
        if request.query.get("page"):
            events = events[self._forge.replies.window(request)]
        return reply(
            [self._forge.json.event(pull, event) for event in events], headers={"X-Total-Count": str(len(events))}
        )

    async def comments(self, request: web.Request) -> web.Response:
        pull = self._forge.access.pull(request)
        found = [event for event in pull.timeline if event.type == "comment"]
        return reply(
            [self._forge.json.comment(pull, event) for event in found], headers={"X-Total-Count": str(len(found))}
        )

    async def comment(self, request: web.Request) -> web.Response:
        """Stored; then this Gitea fails with 500 all the same (while it makes the delivery)."""
        pull = self._forge.access.pull(request)
        doer = self._forge.access.required(request)
        body = text(await json_body(request), "body")
        number = await self._forge.comment(pull.repository.full_name, pull.number, body, doer.login)
        if not self._forge.world.forgejo:
            raise ApiError(500, "")
        event = next(event for event in pull.timeline if event.id == number)
        return reply(self._forge.json.comment(pull, event), status=201)

    async def edit_comment(self, request: web.Request) -> web.Response:
        repository = self._forge.access.repository(request, write=True)
        body = text(await json_body(request), "body")
        wanted = request.match_info["comment"]
        for pull in repository.pulls.values():
            for event in pull.timeline:
                if str(event.id) == wanted:
                    await self._forge.edit_comment(repository.full_name, pull.number, event.id, body)
                    return reply(self._forge.json.comment(pull, event))
        raise Unknown(f"comment {wanted}")

    async def reviews(self, request: web.Request) -> web.Response:
        pull = self._forge.access.pull(request)
        return self._forge.replies.page(request, pull.reviews, lambda review: self._forge.json.review(pull, review))

    async def review(self, request: web.Request) -> web.Response:
        pull = self._forge.access.pull(request)
        doer = self._forge.access.required(request)
        body = await json_body(request)
        await self._forge.review(
            pull.repository.full_name, pull.number, text(body, "event", "COMMENT"), text(body, "body", ""), doer.login
        )
        return reply(self._forge.json.review(pull, pull.reviews[-1]))

    async def create_label(self, request: web.Request) -> web.Response:
        repository = self._forge.access.repository(request, write=True)
        body = await json_body(request)
        label = self._forge.add_label(repository.full_name, text(body, "name"), text(body, "color", "00ff00"))
        return reply(self._forge.json.label(repository, label), status=201)

    async def label(self, request: web.Request) -> web.Response:
        """Put labels on, by name or by id."""
        pull = self._forge.access.pull(request, write=True)
        doer = self._forge.access.required(request)
        labels = (await json_body(request)).get("labels")
        for wanted in labels if isinstance(labels, list) else []:
            known = next((known for known in pull.repository.labels if wanted in (known.id, known.name)), None)
            if known is not None:
                await self._forge.label(pull.repository.full_name, pull.number, known.name, doer.login)
        return reply([self._forge.json.label(pull.repository, label) for label in pull.labels])
