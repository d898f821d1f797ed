"""The API's description of itself, OpenAPI 3.1, made from the profiles in use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web

from cache.profile.collection import Block, Collection
from cache.queries import branches, changes, entries, findings, history, proposals, pulls, repositories, revisions
from daemon.api import openapi_parameters as parameters
from daemon.api import openapi_schemas as schemas
from daemon.api.access import Asked
from daemon.api.addresses import ROOT, short_names
from daemon.api.answers import etag, tagged
from daemon.api.context import ApiContext
from daemon.api.credentials import COOKIE
from daemon.api.lists import only_waiting
from daemon.api.parameters import Pairs
from daemon.api.problems import CONTENT_TYPE, PROBLEMS

Json = dict[str, Any]

_WAIT, _PAGE = ("wait_for", "timeout"), ("limit", "cursor", "format")
_KEY = "The entry's key; a slash in it is written %2F."
_SCHEMES: Json = {
    "token": {
        "type": "http", "scheme": "bearer",
        "description": "Made with `forgeglass token create`. Without one, what comes from public repositories is told.",
    },
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "Of whom the console has signed in."},
}  # fmt: skip
_SECURITY: list[Json] = [{}, {"token": []}, {"session": []}]


class Description:
    """The description, made once for each set of profiles."""

    def __init__(self) -> None:
        self._of: str | None = None
        self._document: Json = {}
        self._raw = b""

    def made(self, context: ApiContext) -> Json:
        """The description of the API as it is now."""
        fingerprint = context.fingerprint()
        if self._of != fingerprint:
            self._document = describe(context.blocks(), context.version, context.public_url)
            self._raw = msgspec.json.encode(self._document)
            self._of = fingerprint
        return self._document

    async def document(self, context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked) -> web.Response:
        """Answer with it."""
        only_waiting(pairs)
        self.made(context)
        tag = etag(context.fingerprint(), context.version, self._raw)
        return tagged(request, msgspec.Raw(self._raw), tag, {})


def describe(blocks: Sequence[Block], version: str, public_url: str | None = None) -> Json:
    """The OpenAPI document of an API over these blocks. Operation ids stay the same while a collection has its name.

    `public_url` is the server that is described; without it, whichever the document came from.
    """
    components: Json = {
        "schemas": schemas.shared(), "parameters": dict(parameters.COMMON), "responses": _problems(),
        "securitySchemes": _SCHEMES,
    }  # fmt: skip
    paths: Json = _own_paths(components)
    short = set(short_names(blocks))
    for block in blocks:
        for collection in block.collections:
            _collection(collection, components)
            addresses = [f"{block.name}/{collection.name}", collection.name]
            for address in addresses if collection.name in short else addresses[:1]:
                paths.update(_collection_paths(collection, address))
    info = {
        "title": "Forgeglass", "version": version,
        "description": "What is kept in repositories, read-only. Filters: a repeated parameter is OR, different ones "
        "are AND. Every answer says how fresh it is.",
    }  # fmt: skip
    servers = [{"url": public_url or "/"}]
    tags = [{"name": name} for name in dict.fromkeys(path["get"]["tags"][0] for path in paths.values())]
    top = {"openapi": "3.1.0", "info": info, "servers": servers, "security": _SECURITY, "tags": tags}
    return {**top, "paths": paths, "components": components}


def _problems() -> Json:
    content = {CONTENT_TYPE: {"schema": schemas.ref("Problem")}}
    told: dict[int, list[str]] = {}
    for kind, (status, _) in sorted(PROBLEMS.items()):
        told.setdefault(status, []).append(kind)
    return {f"problem{s}": {"description": ", ".join(kinds), "content": content} for s, kinds in told.items()}


def _operation(
    tag: str, identity: str, summary: str, wanted: list[Json], answer: Json, *problems: int,
    media: Sequence[str] = ("application/json",),
) -> Json:  # fmt: skip
    first, *others = media
    content = {first: {"schema": answer}, **{other: {"schema": {"type": "string"}} for other in others}}
    good = {"description": summary, "content": content}
    bad = {str(s): {"$ref": f"#/components/responses/problem{s}"} for s in sorted({400, 401, 500, 503, *problems})}
    said = {"operationId": identity, "tags": [tag], "summary": summary, "parameters": wanted}
    return {"get": {**said, "responses": {"200": good, **bad}}}


_LISTED = ("application/json", "text/csv")
_TEXT: Json = {"type": "string"}
_OURS = "Forgeglass"
_READ = (404, 504)


def _own_paths(components: Json) -> Json:
    def listed(name: str, columns: Any, sort: str, item: str, summary: str, *more: str) -> Json:
        own = parameters.filters(columns, name, sort=sort)
        components["parameters"].update(own)
        wanted = [*parameters.common(*_WAIT, *_PAGE, *more), *parameters.common(*own)]
        answer = schemas.listing(schemas.ref(item))
        return _operation(summary.rstrip("."), f"list.{name}", summary, wanted, answer, *_READ, 409, media=_LISTED)

    for name, subject in (("branches", branches), ("history", history), ("revisions", revisions)):
        components["parameters"].update(parameters.filters(subject.columns(), name, sort=subject.SORT))
    feed = parameters.filters(changes.columns(), "changes", sort=None)
    components["parameters"].update(feed)
    named = [parameters.path("owner", "The repository's owner."), parameters.path("name", "Its name.")]
    waiting = parameters.common(*_WAIT)
    filtered = parameters.common(*_WAIT, *feed)
    placed = [*parameters.common("after", "epoch"), *filtered]
    events = [*placed, *parameters.common("Last-Event-ID")]
    feed_page = [*placed, *parameters.common("limit", "wait", "last", "format")]
    one = _operation(
        "Repositories", "get.repositories", "A repository.", [*named, *waiting], schemas.ref("RepositoryItem"), *_READ
    )
    listed_changes = _operation(
        "Changes", "list.changes", "The change feed.", feed_page, schemas.ref("Changes"), *_READ, 410, media=_LISTED
    )
    stream = _operation(
        "Changes", "stream.events", "The feed as server-sent events: `hello`, `change`, `resync`.", events, _TEXT,
        *_READ, 410, media=("text/event-stream",),
    )  # fmt: skip
    atom = _operation(
        "Changes", "atom.changes", "The newest changes as an Atom feed, older ones page by page.",
        [*filtered, *parameters.common("limit", "before")], _TEXT, *_READ, 410,
        media=("application/atom+xml", "text/xml"),
    )  # fmt: skip
    numbered = [*named, parameters.path("number", "Its number."), *waiting]
    one_pull = _operation(
        "Pull requests", "get.pulls", "A pull request, with the revisions of the entries that it touches.", numbered,
        schemas.ref("Pull"), *_READ,
    )  # fmt: skip
    brought = parameters.filters(revisions.columns_of_pull(), "pull_revisions", sort=revisions.SORT_OF_PULL)
    components["parameters"].update(brought)
    revised = _operation(
        "Pull requests", "revisions.pulls", "The revisions of the entries that a pull request touches.",
        [*numbered, *parameters.common(*_PAGE, *brought)], schemas.listing(schemas.ref("RevisionItem")), *_READ, 409,
        media=_LISTED,
    )  # fmt: skip
    anything = {"type": "object"}
    return {
        f"{ROOT}/repositories": listed(
            "repositories", repositories.columns(), repositories.SORT, "RepositoryItem", "Repositories."
        ),
        f"{ROOT}/repositories/{{owner}}/{{name}}": one,
        f"{ROOT}/pulls": listed("pulls", pulls.columns(), pulls.SORT, "PullItem", "Pull requests."),
        f"{ROOT}/pulls/{{owner}}/{{name}}/{{number}}": one_pull,
        f"{ROOT}/pulls/{{owner}}/{{name}}/{{number}}/revisions": revised,
        f"{ROOT}/proposals": listed(
            "proposals", proposals.columns(), proposals.SORT, "ProposalItem", "Proposals.", "include"
        ),
        f"{ROOT}/findings": listed(
            "findings", findings.columns(cleared=True), findings.SORT, "FindingItem", "Findings.", "cleared"
        ),
        f"{ROOT}/changes": listed_changes,
        f"{ROOT}/changes.atom": atom,
        f"{ROOT}/events": stream,
        f"{ROOT}/status": _operation(_OURS, "get.status", "How Forgeglass is.", waiting, anything, *_READ),
        f"{ROOT}/openapi.json": _operation(_OURS, "get.openapi", "This description.", waiting, anything, *_READ),
    }


def _collection(collection: Collection, components: Json) -> None:
    name = f"{collection.block}.{collection.name}"
    components["schemas"].update(schemas.entry(collection, name))
    components["parameters"].update(parameters.filters(entries.columns(collection), name, sort="key"))


def _collection_paths(collection: Collection, address: str) -> Json:
    name, dotted = f"{collection.block}.{collection.name}", address.replace("/", ".")
    own = [*parameters.filters(entries.columns(collection), name, sort="key")]
    listed = parameters.common(*_WAIT, *_PAGE, "q", "include", *own)
    key = [parameters.path("key", _KEY), *parameters.common(*_WAIT)]
    base, title = f"{ROOT}/{address}", collection.title
    tag, many = f"{collection.block}/{collection.name}", schemas.listing(schemas.ref(name))
    paths = {
        base: _operation(tag, f"list.{dotted}", title, listed, many, *_READ, 409, media=_LISTED),
        f"{base}/{{key}}": _operation(
            tag, f"get.{dotted}", f"{title}: one entry.", key, schemas.ref(name), *_READ, 409
        ),
    }
    parts: list[tuple[str, str, Any, bool]] = [
        ("branches", "BranchItem", branches, collection.branches is not None),
        ("pulls", "PullItem", pulls, bool(collection.pulls)),
        ("history", "HistoryItem", history, collection.format != "jsonl"),
        ("revisions", "RevisionItem", revisions, collection.revisions is not None),
    ]
    for part, item, subject, there in parts:
        if not there:
            continue
        wanted = parameters.filters(subject.columns(), part, sort=subject.SORT)
        paths[f"{base}/{{key}}/{part}"] = _operation(
            tag, f"{part}.{dotted}", f"{title}: an entry's {part}.",
            [*key, *parameters.common(*_PAGE, *wanted)], schemas.listing(schemas.ref(item)), *_READ, 409, media=_LISTED,
        )  # fmt: skip
    if collection.revisions is not None:
        paths.update(_revision_paths(collection, f"{base}/{{key}}/revisions", dotted, key))
    return paths


def _revision_paths(collection: Collection, base: str, dotted: str, key: list[Json]) -> Json:
    tag = f"{collection.block}/{collection.name}"
    version = parameters.path("version", "A version, or latest-merged.")
    sides = [parameters.path(name, "A version, latest-merged, or head for the entry now.") for name in ("from", "to")]

    def read(identity: str, summary: str, wanted: list[Json], answer: str) -> Json:
        summary = f"{collection.title}: {summary}"
        return _operation(tag, f"{identity}.{dotted}", summary, wanted, schemas.ref(answer), *_READ, 409)

    return {
        f"{base}/{{version}}": read("revision", "a revision, with its text.", [*key, version], "Revision"),
        f"{base}/{{from}}/diff/{{to}}": read("diff", "what differs between two.", [*key, *sides], "Diff"),
    }
