"""Two texts of an entry to be held against each other: of its revisions, or of the entry as it is now."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.profile.collection import Collection
from cache.queries.errors import NothingThere
from cache.queries.revisions import HEAD, LATEST_MERGED, Head, Revision, entry_now, named_revision
from cache.viewer import Viewer


class Side(Struct, frozen=True):
    """One side of a comparison: which text it is, and the text."""

    name: str
    version: int | None
    told: str
    """`raised` for a revision's own text, `merged` for what was merged of it, `now` for the entry as it is."""
    text: str


async def two_sides(
    connection: AsyncConnection, viewer: Viewer, collection: Collection, key: str, names: Sequence[str]
) -> tuple[Side, Side]:
    """The texts of two names (a version, `latest-merged`, `head`), in a statement each.

    NothingThere: `not-found` for a revision or an entry that is not there, `no-text` for one without a text.
    """
    asked = set(names) - {HEAD}
    found = {name: await named_revision(connection, viewer, collection, key, name) for name in asked}
    entry = await entry_now(connection, viewer, collection, key) if HEAD in names else None
    if HEAD in names and entry is None:
        message = f"The collection {collection.name} of {collection.block} has no entry {key[:200]!r}"
        raise NothingThere("not-found", message)
    other = next(iter(found.values()), None)
    before, after = (side(name, found.get(name), entry, other) for name in names)
    return before, after


def side(name: str, revision: Revision | None, entry: Head | None, other: Revision | None) -> Side:
    """A text by its name. The entry as it is now is told like the revision it stands beside: the whole file, the
    document, or by the rule `field` the body. Of what was merged last counts what was merged.

    NothingThere: `no-text`.
    """
    if revision is None:
        text = None
        if entry is not None:
            rule, part = (other.rule, other.part) if other is not None else ("pull_request", "entry")
            text = entry.body if rule == "field" else entry.document if part == "document" else entry.entry
        if text is None:
            raise NothingThere("no-text", "The entry as it is now has no such text")
        return Side(name, None, "now", text)
    if name == LATEST_MERGED and revision.merged_content is not None:
        return Side(name, revision.version, "merged", revision.merged_content)
    if revision.content is None and revision.content_state != "removed":
        raise NothingThere("no-text", f"Version {revision.version} has no text: {revision.content_state}")
    return Side(name, revision.version, "raised", revision.content or "")
