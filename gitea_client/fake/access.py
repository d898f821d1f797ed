"""Who asks, and what they may see: tokens, redirects of former names, 404 for what is hidden."""

from __future__ import annotations

import base64
import binascii
from typing import NoReturn

from aiohttp import web

from .replies import ApiError, number
from .scopes import missing
from .serialise import Serialiser
from .state import Pull, Repository, Unknown, User, World


class Access:
    """Reads the Authorization header and the names in a path."""

    def __init__(self, world: World, serialiser: Serialiser) -> None:
        self._world = world
        self._json = serialiser

    def user(self, request: web.Request) -> User | None:
        """The caller, None when anonymous; a bad token is 401 even where everything is public."""
        header = request.headers.get("Authorization", "")
        scheme, _, value = header.partition(" ")
        if not header:
            return None
        if scheme == "Bearer" or scheme == "token" or (self._world.forgejo and scheme.lower() == "token"):
            return self._of_token(request, value.strip())
        if scheme.lower() == "basic":
            try:
                name, _, password = base64.b64decode(value).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return self._refuse()
            # the token as password, or as user name with an empty (or a placeholder) password
            return self._of_token(request, password if password not in ("", "x-oauth-basic") else name)
        return None

    def _of_token(self, request: web.Request, token: str) -> User:
        found = next((u for u in self._world.users.values() if u.token and u.token == token), None)
        if found is None and token in self._world.tokens:
            found, scopes = self._world.tokens[token]
            lacking = missing(request.method, request.path, scopes)
            if lacking:
                raise ApiError(403, f"token does not have at least one of required scope(s): {lacking}")
        return found if found is not None else self._refuse(token)

    def _refuse(self, token: str = "") -> NoReturn:
        if self._world.forgejo:
            raise ApiError(401, "access token does not exist [sha: *]" if token else "invalid username or password")
        raise ApiError(401, "user does not exist [uid: 0, name: ]")

    def required(self, request: web.Request) -> User:
        """The caller, who must be somebody."""
        user = self.user(request)
        if user is None:
            raise ApiError(401, "token is required")
        return user

    def repository(self, request: web.Request, *, write: bool = False, admin: bool = False) -> Repository:
        """The repository that a path names. Hidden or missing is 404, a former name redirects (Gitea 307, Forgejo
        301), rights that lack are 403."""
        user = self.user(request)
        full_name = f"{request.match_info['owner']}/{request.match_info['name']}"
        found = self._world.find(full_name)
        if found is None:
            self._redirect(request, full_name, user)
            raise Unknown(full_name)
        return self._checked(found, user, write=write, admin=admin)

    def repository_by_id(self, request: web.Request) -> Repository:
        user = self.user(request)
        found = self._world.repositories.get(number(request.match_info["id"]))
        if found is None:
            raise Unknown(request.match_info["id"])
        return self._checked(found, user)

    def _checked(
        self, found: Repository, user: User | None, *, write: bool = False, admin: bool = False
    ) -> Repository:
        if not found.may_read(user):
            raise Unknown(found.full_name)
        if (write or admin) and user is None:
            raise ApiError(401, "token is required")
        if (write and not found.may_write(user)) or (admin and not found.may_administer(user)):
            raise ApiError(403, "user should have a permission to write to a repo")
        return found

    def _redirect(self, request: web.Request, full_name: str, user: User | None) -> None:
        target = self._world.moved(full_name)
        if target is None or (self._world.forgejo and not target.may_read(user)):
            return
        path = request.path_qs.replace(full_name, target.full_name, 1)
        location = f"{self._json.root_url}{path}"
        raise web.HTTPMovedPermanently(location) if self._world.forgejo else web.HTTPTemporaryRedirect(location)

    def git_repository(self, request: web.Request, *, write: bool) -> Repository:
        """As `repository`, for a git client: anonymous callers are asked to sign in where an API caller sees 404."""
        try:
            user = self.user(request)
            return self.repository(request, write=write)
        except (Unknown, ApiError) as refusal:
            status = refusal.status if isinstance(refusal, ApiError) else 404
            if status == 401 or (status == 404 and user is None):
                raise web.HTTPUnauthorized(headers={"WWW-Authenticate": 'Basic realm="Gitea"'}) from refusal
            if status == 404:
                raise web.HTTPNotFound(text="Not found.\n") from refusal
            raise web.HTTPForbidden(text="not allowed to write\n") from refusal

    def pull(self, request: web.Request, *, write: bool = False) -> Pull:
        """The pull request that a path names."""
        repository = self.repository(request, write=write)
        found = repository.pulls.get(number(request.match_info["number"]))
        if found is None or not repository.has_pull_requests:
            raise Unknown(f"{repository.full_name}#{request.match_info['number']}")
        return found

    def owner(self, login: str) -> User:
        return self._world.user(login)
