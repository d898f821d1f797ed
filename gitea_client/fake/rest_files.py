"""Routes about files: trees, blobs, raw content, and the contents API, as slow here as on the servers."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aiohttp import web

from .bodies import json_body, optional_text, text
from .objects import TreeItem
from .replies import ApiError, flag, number, reply
from .serialise import Json
from .serialise_commits import person_date
from .state import Repository

if TYPE_CHECKING:
    from .standin import StandIn

TREES_PAGE = 1000
MAX_BLOB = 10 * 1024 * 1024
"""A blob larger than this comes with empty content and no error."""


def add_routes(app: web.Application, forge: StandIn) -> None:
    routes = Files(forge)
    base = "/api/v1/repos/{owner}/{name}"
    app.router.add_get(f"{base}/git/trees/{{ref:.+}}", routes.tree)
    app.router.add_get(f"{base}/git/blobs/{{sha}}", routes.blob)
    app.router.add_get(f"{base}/raw/{{path:.+}}", routes.raw)
    app.router.add_get(f"{base}/contents", routes.contents)
    app.router.add_get(f"{base}/contents/{{path:.*}}", routes.contents)
    for add in (app.router.add_post, app.router.add_put):
        add(f"{base}/contents/{{path:.+}}", routes.write)
    app.router.add_delete(f"{base}/contents/{{path:.+}}", routes.remove)


class Files:
    """Handlers."""

    def __init__(self, forge: StandIn) -> None:
        self._forge = forge

    async def tree(self, request: web.Request) -> web.Response:
        """A tree by id, branch or ref, in pages of `per_page`. Asked for a branch it tells the commit's id; `truncated`
        stays true on the last page; an unknown name is 400."""
        repository = self._forge.access.repository(request)
        name = request.match_info["ref"]
        sha = await repository.git.resolve(name) or (name if await self._is_tree(repository, name) else None)
        if sha is None:
            return self._forge.replies.error(400, f"sha not found [{name}]")
        items = await repository.git.tree(sha, recursive=flag(request.query.get("recursive")))
        size = min(number(request.query.get("per_page")) or TREES_PAGE, TREES_PAGE)
        page = max(number(request.query.get("page")), 1)
        shown = items[(page - 1) * size : page * size]
        api = f"{self._forge.json.api}/repos/{repository.full_name}/git"
        return reply(
            {
                "sha": sha, "url": f"{api}/trees/{sha}", "tree": [self._tree_item(api, i) for i in shown] or None,
                "truncated": len(items) > size, "page": page, "total_count": len(items),
            },
            headers={"X-Total-Count": str(len(items))},
        )  # fmt: skip

    @staticmethod
    async def _is_tree(repository: Repository, name: str) -> bool:
        if len(name) != 40:
            return False
        found = await repository.git.objects([name])
        return bool(found) and found[name][0] == "tree"

    @staticmethod
    def _tree_item(api: str, item: TreeItem) -> Json:
        url = f"{api}/{item.kind}s/{item.id}" if item.kind != "commit" else ""
        return {
            "path": item.path, "mode": item.mode, "type": item.kind, "size": item.size, "sha": item.id, "url": url
        }  # fmt: skip

    async def blob(self, request: web.Request) -> web.Response:
        repository = self._forge.access.repository(request)
        sha = request.match_info["sha"]
        kind, content = (await repository.git.objects([sha])).get(sha, ("", b""))
        if kind != "blob":
            return self._forge.replies.error(400, f"object does not exist [id: {sha}, rel_path: ]")
        return reply(
            {
                "content": base64.b64encode(content).decode() if len(content) <= MAX_BLOB else "",
                "encoding": "base64", "url": f"{self._forge.json.api}/repos/{repository.full_name}/git/blobs/{sha}",
                "sha": sha, "size": len(content),
            }
        )  # fmt: skip

    async def raw(self, request: web.Request) -> web.Response:
        """A file's bytes. On Gitea `?ref=` takes a commit id only, and a branch there is 404; the path may begin with
        a branch or an id."""
        repository = self._forge.access.repository(request)
        git, path, ref = repository.git, request.match_info["path"], request.query.get("ref", "")
        if ref and not self._forge.world.forgejo and ref in repository.branches:
            return self._forge.replies.missing()
        commit = await git.resolve(ref or repository.default_branch)
        if not ref:
            parts = path.split("/")
            for n in range(1, len(parts)):
                start = "/".join(parts[:n])
                if start in repository.branches or (n == 1 and len(start) == 40):
                    commit, path = await git.resolve(start), "/".join(parts[n:])
                    break
        item = await self._item(repository, commit, path) if commit else None
        if item is None or item.kind != "blob" or commit is None:
            return self._forge.replies.missing()
        headers = {"ETag": f'"{item.id}"', "Cache-Control": "private, max-age=300"}
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        content = (await git.objects([item.id]))[item.id][1]
        return web.Response(body=content, headers=headers, content_type="text/plain", charset="utf-8")

    @staticmethod
    async def _item(repository: Repository, commit: str, path: str) -> TreeItem | None:
        """What a path is in a commit."""
        done = await repository.git.process(["ls-tree", "-z", "-l", commit, "--", path.rstrip("/")])
        line = done.stdout.decode(errors="surrogateescape").split("\0")[0]
        if done.returncode or not line:
            return None
        meta, _, name = line.partition("\t")
        mode, kind, sha, size = meta.split()
        return TreeItem(mode, kind, sha, 0 if size == "-" else int(size), name)

    async def contents(self, request: web.Request) -> web.Response:
        """A file, or a folder's list: not in pages, and with a history walk and a blob read for every entry, which is
        what makes it slow on the servers."""
        repository = self._forge.access.repository(request)
        path = request.match_info.get("path", "").strip("/")
        if repository.empty:
            return reply([])
        ref = request.query.get("ref") or repository.default_branch
        commit = await repository.git.resolve(ref)
        if commit is None:
            raise ApiError(404, "GetContentsOrList", [f"object does not exist [id: {ref}, rel_path: ]"])
        item = await self._item(repository, commit, path) if path else TreeItem("040000", "tree", commit, 0, "")
        if item is None:
            raise ApiError(404, "GetContentsOrList", [f"object does not exist [id: , rel_path: {path}]"])
        if item.kind != "tree":
            return reply(await self._entry(repository, ref, commit, item, with_content=True))
        entries = await repository.git.tree(commit, path=path)
        prefix = f"{path}/" if path else ""
        named = [TreeItem(e.mode, e.kind, e.id, e.size, f"{prefix}{e.path}") for e in entries]
        return reply([await self._entry(repository, ref, commit, e, with_content=False) for e in named])

    async def _entry(
        self, repository: Repository, ref: str, commit: str, item: TreeItem, *, with_content: bool
    ) -> Json:
        git, path = repository.git, item.path
        last = (await git.lines("log", "-1", "--format=%H", commit, "--", path))[0]
        content = (await git.objects([item.id]))[item.id][1] if item.kind == "blob" else b""
        when = {}
        if self._forge.world.forgejo:
            when = {"last_commit_when": person_date((await git.commits([last]))[last].committer)}
        kind = {"120000": "symlink", "160000": "submodule", "040000": "dir"}.get(item.mode, "file")
        full = with_content and kind == "file"
        api, page = f"{self._forge.json.api}/repos/{repository.full_name}", self._forge.json.page(repository)
        quoted = quote(path, errors="surrogateescape")
        where = "branch" if ref in repository.branches else "commit"
        links: Json = {
            "self": f"{api}/contents/{quoted}?ref={ref}", "git": f"{api}/git/blobs/{item.id}",
            "html": f"{page}/src/{where}/{ref}/{quoted}",
        }  # fmt: skip
        return {
            "name": path.rsplit("/", 1)[-1], "path": path, "sha": item.id, "last_commit_sha": last, **when,
            "type": kind, "size": item.size, "encoding": "base64" if full else None,
            "content": base64.b64encode(content).decode() if full else None,
            "target": content.decode(errors="replace") if kind == "symlink" else None, "url": links["self"],
            "html_url": links["html"], "git_url": links["git"],
            "download_url": f"{page}/raw/{where}/{ref}/{quoted}" if kind in ("file", "symlink") else None,
            "submodule_git_url": None, "_links": links,
        }  # fmt: skip

    async def write(self, request: web.Request) -> web.Response:
        """Create (POST) or update (PUT, which needs the blob's `sha`) a file on `branch`, or on a `new_branch`."""
        body = await json_body(request)
        try:
            content = base64.b64decode(text(body, "content"), validate=True)
        except ValueError as error:
            raise ApiError(422, f"content is not base64: {error}") from error
        repository, branch, commit, item = await self._write(request, body, content)
        if item is None:
            raise ApiError(500, "the file is not there")
        entry = await self._entry(repository, branch, commit, item, with_content=True)
        status = 201 if request.method == "POST" or "sha" not in body else 200
        return reply({"content": entry} | await self._file_commit(repository, commit), status=status)

    async def remove(self, request: web.Request) -> web.Response:
        repository, _, commit, _ = await self._write(request, await json_body(request), None)
        return reply({"content": None} | await self._file_commit(repository, commit))

    async def _write(
        self, request: web.Request, body: dict[str, Any], content: bytes | None
    ) -> tuple[Repository, str, str, TreeItem | None]:
        repository = self._forge.access.repository(request, write=True)
        doer = self._forge.access.required(request)
        path = request.match_info["path"]
        branch = optional_text(body, "branch") or repository.default_branch
        target = optional_text(body, "new_branch") or branch
        tip = repository.git.ref(f"refs/heads/{branch}")
        item = await self._item(repository, tip, path) if tip else None
        if request.method == "POST" and item is not None:
            raise ApiError(422, f"repository file already exists [path: {path}]")
        if request.method == "DELETE" and item is None:
            raise ApiError(404, f"object does not exist [id: , rel_path: {path}]")
        if request.method != "POST" and item is not None and body.get("sha") != item.id:
            raise ApiError(422 if self._forge.world.forgejo else 409, "sha does not match")
        message = optional_text(body, "message") or f"{'Delete' if content is None else 'Update'} {path}"
        commit = await self._forge.commit(
            repository.full_name, {path: content}, target, message, author=doer.login,
            start=branch if target != branch else None,
        )  # fmt: skip
        return repository, target, commit, await self._item(repository, commit, path)

    async def _file_commit(self, repository: Repository, sha: str) -> Json:
        commit = (await repository.git.commits([sha]))[sha]
        json = self._forge.json
        meta = json.commit_meta(repository, sha)
        unverified = {
            "verified": False, "reason": "gpg.error.not_signed_commit", "signature": "", "signer": None, "payload": "",
        }  # fmt: skip
        told = json.commit(repository, commit)
        return {
            "commit": {
                **meta, "html_url": told["html_url"], "author": told["commit"]["author"],
                "committer": told["commit"]["committer"], "parents": told["parents"], "message": commit.message,
                "tree": json.commit_meta(repository, commit.tree, kind="trees"),
            },
            "verification": unverified,
        }  # fmt: skip
