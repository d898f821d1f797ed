"""The REST API, one method a question. A list is complete or an error, unless the method says that it stops early."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import TypeVar

from msgspec import Struct

from gitea_client.apart import apart
from gitea_client.decoding import decode_plain
from gitea_client.errors import Malformed, Missing, ServerFault
from gitea_client.listings import older_than, reaches
from gitea_client.paging import ATTEMPTS, LIMIT, Moved, Page, Parse, Short, complete, next_limit, pages
from gitea_client.paths import segment
from gitea_client.refs import ls_refs
from gitea_client.sizes import EVENTS
from gitea_client.transport import Query, Transport
from gitea_client.wire import (
    Activity,
    ApiSettings,
    Comment,
    IssueHit,
    Organization,
    PullRequest,
    Repository,
    SearchResults,
    ServerVersion,
    Unusable,
    User,
    UserResults,
    Version,
    decode,
    decode_each,
)

T = TypeVar("T")

TELLING = ("pull_push", "change_target_branch")
"""The events of a timeline without which heads, or their bases, would be told wrongly."""
API = "/api/v1"


class RepositoryListing(Struct, frozen=True):
    """Repositories of one owner. Only a `complete` one proves that something is not there.

    `total` is how many the owner has by the server's count, None where it does not say; `date` the server's time.
    `unusable` are listed and not fit to be read: they are there, whatever they are.
    """

    items: tuple[Repository, ...]
    total: int | None
    complete: bool
    date: datetime | None
    unusable: tuple[Unusable, ...] = ()


class PullRequests(list[PullRequest]):
    """All pull requests of a repository; `unreadable` holds the numbers that exist and could not be read."""

    unreadable: tuple[int, ...] = ()


class Rest:
    """Reads of one forge's API. Everything raises from the tree in `errors`."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self._settings: ApiSettings | None = None
        self._begin_with: dict[str, int] = {}
        """Of feeds that hold items too long, how many to ask for at first: a look at what is known costs little."""

    # ---- the server

    async def version(self) -> ServerVersion:
        """Which server this is. Forgejo is told by a route of its own: its version text claims to be a Gitea."""
        told = await self._one(Version, f"{API}/version")
        probe = await self.transport.request("GET", "/api/forgejo/v1/version", accept_statuses=(404,))
        return ServerVersion(told.version, forgejo=probe.status != 404)

    async def answers(self) -> None:
        """Ask once for the least that needs a forge which works and takes the token. Raises what is wrong with it.

        A 403 in JSON is an answer: the token is known and lacks the scope for this one thing.
        """
        known = self.transport.token is not None
        path = f"{API}/user" if known else f"{API}/version"
        answer = await self.transport.request("GET", path, accept_statuses=(403, 404), repeatable=False)
        if answer.status == 404:
            error = Missing(404, f"GET {path}")
            error.remedy = "check forge.url and what stands in front of the forge: no forge answers there"
            raise error
        decode(dict, answer.body, f"GET {path}")

    async def settings(self) -> ApiSettings:
        """The limits of the API."""
        return await self._one(ApiSettings, f"{API}/settings/api")

    async def user(self, login: str) -> User:
        """A user or organisation by name; its id is the owner id of its repositories."""
        return await self._one(User, f"{API}/users/{segment(login)}", f"{API}/users/{{login}}")

    async def user_by_address(self, address: str) -> User | None:
        """The user whose address this is, as far as the forge shows it to this token; None where it shows nobody.

        The search finds parts of logins, full names and addresses, with `_` and `%` as SQL's LIKE reads them, so only
        a user shown with this very address counts: a full name is anybody's to choose, and `lice@example.org` is a
        part of Alice's. Addresses are shown to administrators, and to signed-in users where their owners do not hide
        them (https://docs.gitea.com/api/, `userSearch`; seen on Gitea 1.23 and Forgejo 11).
        """
        path = f"{API}/users/search"
        answer = await self.transport.request("GET", path, query={"q": address, "limit": LIMIT})
        results = await apart(partial(decode, UserResults), answer.body, f"GET {path}")
        if not results.ok:
            raise Malformed(f"GET {path}: the search failed inside the forge")
        found = [user for user in results.data if user.login and user.email.lower() == address.lower()]
        return found[0] if len(found) == 1 else None

    async def organization(self, login: str) -> Organization:
        """An organisation by name; raises Missing for a user."""
        return await self._one(Organization, f"{API}/orgs/{segment(login)}", f"{API}/orgs/{{org}}")

    # ---- repositories

    async def repository(self, owner: str, name: str) -> Repository:
        """A repository by its name of today; raises Redirected for one of the past."""
        return await self._one(Repository, _repo(owner, name), f"{API}/repos/{{owner}}/{{name}}")

    async def repository_by_id(self, repository_id: int) -> Repository:
        """A repository by its number, whatever it is called."""
        return await self._one(Repository, f"{API}/repositories/{repository_id}", f"{API}/repositories/{{id}}")

    async def repositories(self, owner_id: int, *, since: datetime | None = None) -> RepositoryListing:
        """An owner's repositories: those updated at or after `since` (and some older), or with None all of them.

        The whole list is read by id: by update time, one that is updated meanwhile would slip to a page already read.
        """
        query: Query = {"uid": owner_id, "exclusive": True}
        if since is not None:
            return await self._recent(query, since)
        whole = await complete(
            lambda: self._search({**query, "sort": "id", "order": "asc"}), _counting(), f"owner {owner_id}"
        )
        return _listing(whole.items, whole.total, not whole.skipped, whole.date)

    async def _recent(self, query: Query, since: datetime) -> RepositoryListing:
        for _ in range(ATTEMPTS):
            found: dict[int, Repository | Unusable] = {}
            first: Page[Repository | Unusable] | None = None
            key = _counting()
            try:
                async for page in self._search({**query, "sort": "updated", "order": "desc"}):
                    first = first or page
                    found.update((key(item), item) for item in page.items)
                    if page.last or (older_than(page.items, since) and await self._full(page)):
                        # All on one page were read at one moment; over several, one may have slipped through.
                        whole = page.number == 1 and page.last and len(found) == page.total
                        if not (page.last and page.total is not None and len(found) + page.skipped < page.total):
                            return _listing(found.values(), page.total, whole, first.date)
            except Moved:
                continue
        raise Malformed(f"the repositories of owner {query['uid']} kept changing while they were listed")

    def _search(self, query: Query) -> AsyncIterator[Page[Repository | Unusable]]:
        return self._pages(f"{API}/repos/search", query, searched)

    async def _full(self, page: Page[T]) -> bool:
        """Whether a page before the last is as long as the server makes them; raises Malformed for a shorter one."""
        if page.limit == LIMIT and len(page.items) < LIMIT:
            self._settings = self._settings or await self.settings()
            if len(page.items) < min(LIMIT, self._settings.max_response_items):
                raise Malformed(f"page {page.number} of a list of {page.total} holds only {len(page.items)} items")
        return True

    # ---- pull requests

    async def pull_requests(self, owner: str, name: str) -> PullRequests:
        """All pull requests of a repository, whatever their state.

        A server that fails to convert one puts null in its place or leaves it out. Which one that is, the refs tell;
        it is then read by itself, and where that fails too its number is in `unreadable`.
        """
        path, route = f"{_repo(owner, name)}/pulls", f"{API}/repos/{{owner}}/{{name}}/pulls"
        nulls = count(start=1)

        def parse(body: bytes, what: str) -> list[PullRequest | None]:
            found = decode_each(PullRequest, body, what)
            return [item if isinstance(item, PullRequest) else None for item in found]

        query: Query = {"state": "all", "sort": "recentupdate"}
        try:
            whole = await complete(
                lambda: self._pages(path, query, parse, route),
                lambda pull: pull.number if pull else -next(nulls),
                f"GET {path}",
            )
            found, gaps = whole.items, bool(whole.skipped) or None in whole.items
        except Short as short:
            found, gaps = short.found, True
        pulls = PullRequests(pull for pull in found if pull is not None)
        if gaps:
            await self._fill(pulls, owner, name)
        return pulls

    async def _fill(self, pulls: PullRequests, owner: str, name: str) -> None:
        listed = (await ls_refs(self.transport, f"{owner}/{name}")).pulls
        unreadable = []
        for number in sorted(set(listed) - {pull.number for pull in pulls}):
            try:
                pulls.append(await self.pull_request(owner, name, number))
            except (Malformed, Missing, ServerFault):
                unreadable.append(number)
        pulls.unreadable = tuple(unreadable)

    async def shows_pull_requests(self, owner: str, name: str) -> bool:
        """Whether the forge shows a repository's pull requests: 404 where they are switched off, or may not be read."""
        route = f"{API}/repos/{{owner}}/{{name}}/pulls"
        query: Query = {"state": "all", "limit": 1}
        answer = await self.transport.request(
            "GET", f"{_repo(owner, name)}/pulls", query=query, route=route, accept_statuses=(404,)
        )
        return answer.status != 404

    async def pull_request(self, owner: str, name: str, number: int) -> PullRequest:
        """One pull request."""
        route = f"{API}/repos/{{owner}}/{{name}}/pulls/{{number}}"
        return await self._one(PullRequest, f"{_repo(owner, name)}/pulls/{number}", route)

    async def changed_pull_requests(self, owner: str, since: datetime) -> tuple[list[IssueHit], datetime | None]:
        """The pull requests of all of an owner's repositories updated at or after `since`, and the server's time.

        Only those with a signal: a push to a closed one's head, an edited comment and a deleted one leave no trace
        here.
        """
        # Gitea knows no `sort` here, ignores it and gives the newest first; Forgejo orders by update time.
        query: Query = {
            "type": "pulls",
            "state": "all",
            "owner": owner,
            "since": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "sort": "recentupdate",
        }

        def parse(body: bytes, what: str) -> list[IssueHit | Unusable]:
            return decode_each(IssueHit, body, what)

        path = f"{API}/repos/issues/search"
        nameless = count(start=1)
        whole = await complete(
            lambda: self._pages(path, query, parse),
            lambda hit: (hit.repository.id, hit.number) if isinstance(hit, IssueHit) else -next(nameless),
            f"GET {path} of {owner}",
        )
        # One that cannot be used only hints; the deep sweep looks without hints.
        return [hit for hit in whole.items if isinstance(hit, IssueHit)], whole.date

    async def timeline(self, owner: str, name: str, number: int) -> list[Comment]:
        """Everything that happened to a pull request, by (created_at, id). Without `page` the server gives it whole."""
        answer = await self.transport.request(
            "GET",
            path := f"{_repo(owner, name)}/issues/{number}/timeline",
            route=f"{API}/repos/{{owner}}/{{name}}/issues/{{number}}/timeline",
        )
        items = await apart(partial(decode_each, Comment, most=EVENTS), answer.body, f"GET {path}")
        total = answer.headers.get("X-Total-Count", str(len(items)))
        if total != str(len(items)):
            raise Malformed(f"GET {path}: {len(items)} of {total[:20]} events")
        for item in items:
            if isinstance(item, Unusable) and item.type in ("", *TELLING):
                raise Malformed(f"GET {path}: an event that is none: {item.why}")
        events = [item for item in items if isinstance(item, Comment)]  # a long comment says nothing of heads
        return sorted(events, key=lambda event: (event.created_at, event.id))

    # ---- activity

    async def activities(
        self, owner: str, *, organization: bool, after_id: int | None
    ) -> tuple[list[Activity], datetime | None]:
        """What the owner's feed tells since `after_id` (exclusive), greatest id first, and the server's time.

        With None only the first page, to have a place to begin at. No log of all that happens: not every change is in
        it, and what users keep private is hidden.
        """
        kind = "orgs" if organization else "users"
        path, route = f"{API}/{kind}/{segment(owner)}/activities/feeds", f"{API}/{kind}/{{owner}}/activities/feeds"

        def parse(body: bytes, what: str) -> list[Activity | Unusable]:
            return decode_each(Activity, body, what)

        for _ in range(ATTEMPTS):
            read: list[Activity] = []
            date: datetime | None = None
            limit = self._begin_with.pop(path, LIMIT)
            try:
                async for page in pages(self.transport, path, {}, parse, route=route, limit=limit):
                    date = date or page.date
                    if (following := next_limit(limit, page)) < LIMIT:
                        self._begin_with[path] = following
                    read += [item for item in page.items if isinstance(item, Activity)]
                    if after_id is None or reaches(read, after_id):
                        break
            except Moved:
                continue
            fresh = {item.id: item for item in read if after_id is None or item.id > after_id}
            return sorted(fresh.values(), key=lambda item: -item.id), date
        raise Malformed(f"GET {path}: the feed kept changing while it was read")

    # ---- inside

    async def _one(self, kind: type[T], path: str, route: str | None = None) -> T:
        answer = await self.transport.request("GET", path, route=route)
        return await apart(partial(decode, kind), answer.body, f"GET {path}")

    def _pages(self, path: str, query: Query, parse: Parse[T], route: str | None = None) -> AsyncIterator[Page[T]]:
        return pages(self.transport, path, query, parse, route=route or path)


def searched(body: bytes, what: str) -> list[Repository | Unusable]:
    """The repositories in an answer of `/repos/search`. Raises Malformed where the search failed inside the forge."""
    results = decode_plain(SearchResults, body, what)
    if not results.ok:
        raise Malformed(f"{what}: the search failed inside the forge")
    return decode_each(Repository, results.data, what)


def _counting() -> Callable[[Repository | Unusable], int]:
    """A key for each repository of a list: its id, and for one without any a number of its own."""
    nameless = count(start=1)
    return lambda item: item.id if item.id is not None else -next(nameless)


def _listing(
    found: Iterable[Repository | Unusable], total: int | None, complete: bool, date: datetime | None
) -> RepositoryListing:
    """What was listed, by what it is fit for. With one that has no id it proves nothing: that may be anyone."""
    items = tuple(found)
    unusable = tuple(item for item in items if isinstance(item, Unusable))
    usable = tuple(item for item in items if isinstance(item, Repository))
    return RepositoryListing(usable, total, complete and all(item.id for item in unusable), date, unusable)


def _repo(owner: str, name: str) -> str:
    return f"{API}/repos/{segment(owner)}/{segment(name)}"
