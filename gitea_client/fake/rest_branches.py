"""Routes about branches, refs and commits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from .bodies import json_body, optional_text, text
from .objects import Commit
from .replies import ApiError, flag, number, reply
from .serialise import Json
from .state import Repository

if TYPE_CHECKING:
    from .standin import StandIn

COMMITS_PAGE = 50
STATUS_WORDS = {"A": "added", "D": "removed", "M": "modified", "T": "modified"}


def add_routes(app: web.Application, forge: StandIn) -> None:
    routes = Branches(forge)
    base = "/api/v1/repos/{owner}/{name}"
    app.router.add_get(f"{base}/branches", routes.branches)
    app.router.add_post(f"{base}/branches", routes.create)
    app.router.add_get(f"{base}/branches/{{branch:.+}}", routes.branch)
    app.router.add_delete(f"{base}/branches/{{branch:.+}}", routes.delete)
    app.router.add_patch(f"{base}/branches/{{branch:.+}}", routes.rename)
    app.router.add_put(f"{base}/branches/{{branch:.+}}", routes.rename)
    app.router.add_get(f"{base}/git/refs", routes.refs)
    app.router.add_get(f"{base}/git/refs/{{prefix:.+}}", routes.refs)
    app.router.add_get(f"{base}/commits", routes.commits)
    app.router.add_get(f"{base}/git/commits/{{sha:.+}}", routes.commit)


class Branches:
    """Handlers."""

    def __init__(self, forge: StandIn) -> None:
        self._forge = forge

    async def branches(self, request: web.Request) -> web.Response:
        """By commit time, newest first, then name. Rows whose commit git lacks are left out. An empty repository's
        list is null."""
        repository = self._forge.access.repository(request)
        viewer = self._forge.access.user(request)
        if repository.empty or (not repository.branches and self._forge.null_lists):
            return reply(None, headers={"X-Total-Count": "0"})
        commits = await repository.git.commits(set(repository.branches.values()))
        rows = [(name, commits[sha]) for name, sha in repository.branches.items() if sha in commits]
        rows.sort(key=lambda row: (-row[1].committer.date, row[0]))
        return self._forge.replies.page(
            request, rows, lambda row: self._forge.json.branch(repository, row[0], row[1], viewer)
        )

    async def branch(self, request: web.Request) -> web.Response:
        repository = self._forge.access.repository(request)
        return await self._tell(request, repository, request.match_info["branch"])

    async def _tell(
        self, request: web.Request, repository: Repository, name: str, status: int = 200
    ) -> web.Response:
        sha = repository.branches.get(name)
        commit = await repository.git.commit(sha) if sha else None
        if commit is None:
            return self._forge.replies.missing([f"branch does not exist [name: {name}]"])
        viewer = self._forge.access.user(request)
        return reply(self._forge.json.branch(repository, name, commit, viewer), status=status)

    async def create(self, request: web.Request) -> web.Response:
        """From `old_ref_name` (or `old_branch_name`), else from the default branch."""
        repository = self._forge.access.repository(request, write=True)
        body = await json_body(request)
        start = optional_text(body, "old_ref_name") or optional_text(body, "old_branch_name")
        name = text(body, "new_branch_name")
        doer = self._forge.access.required(request).login
        await self._forge.create_branch(repository.full_name, name, start, doer)
        return await self._tell(request, repository, name, 201)

    async def delete(self, request: web.Request) -> web.Response:
        repository = self._forge.access.repository(request, write=True)
        doer = self._forge.access.required(request).login
        await self._forge.delete_branch(repository.full_name, request.match_info["branch"], by=doer)
        return web.Response(status=204)

    async def rename(self, request: web.Request) -> web.Response:
        repository = self._forge.access.repository(request, write=True)
        new = text(await json_body(request), "name")
        doer = self._forge.access.required(request).login
        await self._forge.rename_branch(repository.full_name, request.match_info["branch"], new, doer)
        return web.Response(status=204)

    async def refs(self, request: web.Request) -> web.Response:
        """Every ref with the prefix, pull requests' too, not in pages; 404 when there is none. Read from git, so a
        push shows at once."""
        repository = self._forge.access.repository(request)
        prefix = f"refs/{request.match_info.get('prefix', '')}"
        refs = {name: sha for name, sha in repository.git.refs().items() if name.startswith(prefix)}
        if not refs:
            return self._forge.replies.missing()
        kinds = {sha: kind for sha, (kind, _) in (await repository.git.objects(list(set(refs.values())))).items()}
        api = f"{self._forge.json.api}/repos/{repository.full_name}/git"
        return reply(
            [
                {
                    "ref": name, "url": f"{api}/{name}",
                    "object": {"type": kinds[sha], "sha": sha, "url": f"{api}/{kinds[sha]}s/{sha}"},
                }
                for name, sha in refs.items() if sha in kinds
            ]
        )  # fmt: skip

    # Commits

    async def commits(self, request: web.Request) -> web.Response:
        """History of a branch (`sha`), of a path. With `path` Gitea ignores `limit` and its pages overlap: page p
        holds up to 50·p commits after skipping 50·(p−1); Forgejo skips the same and honours `limit`."""
        repository = self._forge.access.repository(request)
        if repository.empty:
            raise ApiError(409, "Git Repository is empty.")
        query = request.query
        tip = await repository.git.resolve(query.get("sha") or repository.default_branch)
        if tip is None:
            return self._forge.replies.missing()
        path = query.get("path", "")
        page = max(number(query.get("page")), 1)
        limit = self._forge.replies.limit(request)
        skip = (page - 1) * limit
        if path:
            skip = (page - 1) * COMMITS_PAGE
            limit = limit if self._forge.world.forgejo else page * COMMITS_PAGE
        unwanted = await repository.git.resolve(query["not"]) if query.get("not") else None
        if query.get("not") and unwanted is None:
            return self._forge.replies.missing()
        chosen = [tip, *([f"^{unwanted}"] if unwanted else [])]
        tail = ["--", path] if path else ["--"]
        total = int((await repository.git.run("rev-list", "--count", *chosen, *tail)).strip())
        if path and not total:
            return self._forge.replies.missing()
        ids = await repository.git.rev_list(f"--max-count={limit}", f"--skip={skip}", *chosen, *tail)
        headers = self._forge.replies.headers(request, total)
        headers |= {"X-Page": str(page), "X-Total": str(total)}
        return reply(await commit_list(self._forge, repository, ids, query), headers=headers)

    async def commit(self, request: web.Request) -> web.Response:
        repository = self._forge.access.repository(request)
        sha = await repository.git.resolve(request.match_info["sha"])
        if sha is None:
            return self._forge.replies.missing()
        return reply((await commit_list(self._forge, repository, [sha], request.query))[0])


async def commit_list(
    forge: StandIn, repository: Repository, ids: list[str], query: Any, *, always_stats: bool = False
) -> list[Json]:
    """Commits with `files` and `stats`, each of which the query may turn off."""
    git = repository.git
    commits: list[Commit] = list((await git.commits(ids)).values())
    with_files, with_stats = flag(query.get("files"), True), always_stats or flag(query.get("stat"), True)
    changes = await git.changes(ids) if with_files else {}
    found = []
    for commit in commits:
        files = [{"filename": path, "status": STATUS_WORDS.get(s, s)} for s, path in changes.get(commit.id, [])]
        stats = None
        if with_stats:
            parent = commit.parents[0] if commit.parents else "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
            rows = await git.numstat(parent, commit.id)
            added, deleted = sum(r[0] for r in rows), sum(r[1] for r in rows)
            stats = {"total": added + deleted, "additions": added, "deletions": deleted}
        found.append(forge.json.commit(repository, commit) | {"files": files if with_files else None, "stats": stats})
    return found
