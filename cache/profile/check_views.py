"""Mistakes in the SQL views of a profile."""

from __future__ import annotations

from collections.abc import Iterator

from cache.profile import build
from cache.profile.format import ProfileSpec, ViewSpec
from cache.profile.words import ATTRIBUTES, SQL_NAME, VIEW_SOURCES, near

Told = tuple[tuple[str | int, ...], str, str]


def check_views(spec: ProfileSpec) -> Iterator[Told]:
    """Every mistake in the views."""
    lowered: dict[str, str] = {}
    for name, view in spec.views.items():
        at: tuple[str | int, ...] = ("views", name)
        if not SQL_NAME.fullmatch(name) or name.lower().startswith("sqlite_"):
            yield at, "bad-name", f"{name!r} cannot name a view; use letters, digits and '_'."
        if name.lower() in lowered:
            yield at, "bad-name", f"SQL cannot tell {name!r} from {lowered[name.lower()]!r}; rename one."
        lowered.setdefault(name.lower(), name)
        yield from _view(name, view, spec)


def _view(name: str, view: ViewSpec, spec: ProfileSpec) -> Iterator[Told]:
    at = ("views", name)
    known = set(spec.collections)
    of = build.view_collection(view, spec.collections)
    if of is None:
        yield (*at, "from"), "missing-key", f"Several collections, or none, have {view.from_}; say which with 'of'."
        return
    if of not in spec.collections:
        where = "of" if view.of is not None else "from"
        names = known | VIEW_SOURCES if where == "from" else known
        yield (*at, where), "unknown-collection", f"There is no collection {of!r}{near(of, names)}"
        return
    rows = view.from_ if view.from_ in VIEW_SOURCES and of != view.from_ else "entries"
    collection = spec.collections[of]
    parts = {f"key.{part}" for part in collection.key}
    fields = {*collection.fields, *(f"field.{field}" for field in collection.fields)} if rows == "entries" else set()
    body = {collection.body} if rows == "entries" and collection.body else set()
    sources = parts | fields | body | ATTRIBUTES[rows]
    lowered: set[str] = set()
    for column, said in view.columns.items():
        if not SQL_NAME.fullmatch(column) or column.lower() in lowered:
            yield (*at, "columns", column), "bad-name", f"{column!r} cannot name a column, or stands there twice."
        lowered.add(column.lower())
        text = said if isinstance(said, str) else said.json
        if text not in sources:
            message = f"A view of {rows} of {of!r} has no {text!r} to show{near(text, sources)}"
            yield (*at, "columns", column), "bad-column", message
