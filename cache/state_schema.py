"""The tables of `state.db`: what neither Git nor the forge can tell again.

Text holds instants (`2026-01-02T03:04:05Z`) and JSON, so that any SQLite tool can show them. A change here needs a
migration under `cache/migrations/state/versions/`; a test holds the two together.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    TypeDecorator,
)

from cache.schema import AnyText, UtcText

metadata = MetaData()


class JsonText(TypeDecorator[Any]):
    """A JSON value as canonical ASCII text: what arrives with half a surrogate pair comes back as it was."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, _dialect: object) -> str:
        """Sorted keys, no spaces."""
        return json.dumps(value, sort_keys=True, separators=(",", ":"))

    def process_result_value(self, value: str | None, _dialect: object) -> Any:
        """The value; lists come back as lists."""
        return None if value is None else json.loads(value)


inbox = Table(
    "inbox", metadata,
    # AUTOINCREMENT: an id is never used twice, so "all up to this id" stays true after rows were pruned.
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("delivery", Text, nullable=False, unique=True),
    Column("event", AnyText, nullable=False),
    Column("repository_id", BigInteger),
    Column("full_name", AnyText, nullable=False),
    Column("scope", JsonText, nullable=False),
    Column("headers", JsonText, nullable=False),
    Column("state", Text, CheckConstraint("state IN ('pending','done','ignored','failed')"), nullable=False),
    Column("why", AnyText, nullable=False),
    Column("received_at", UtcText, nullable=False),
    Column("done_at", UtcText),
    sqlite_autoincrement=True,
)  # fmt: skip
Index("inbox_pending", inbox.c.repository_id, inbox.c.id, sqlite_where=inbox.c.state == "pending")
Index("inbox_waiting", inbox.c.id, sqlite_where=inbox.c.state == "pending")
Index("inbox_done", inbox.c.done_at)

tombstones = Table(
    "tombstones", metadata,
    Column("kind", Text, CheckConstraint("kind IN ('branch','pull','repository')"), nullable=False),
    Column("repository_id", BigInteger, nullable=False),
    Column("name", AnyText, nullable=False),
    Column("data", JsonText, nullable=False),
    Column("first_missing_at", UtcText, nullable=False),
    PrimaryKeyConstraint("kind", "repository_id", "name"),
)  # fmt: skip

texts = Table(
    "texts", metadata,
    Column("hash", Text, primary_key=True),  # SHA-256, hexadecimal
    Column("content", AnyText, nullable=False),
)  # fmt: skip
"""What revisions froze, once."""

revisions = Table(
    "revisions", metadata,
    Column("block", Text, nullable=False),
    Column("collection", Text, nullable=False),
    Column("key", AnyText, nullable=False),
    Column("repository_id", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("content_hash", Text, ForeignKey("texts.hash")),
    Column("frozen_at", UtcText),
    Column("data", JsonText, nullable=False),
    Column("merged_hash", Text, ForeignKey("texts.hash")),
    PrimaryKeyConstraint("block", "collection", "key", "repository_id", "number"),
)  # fmt: skip
Index("revisions_version", revisions.c.block, revisions.c.collection, revisions.c.key, revisions.c.version, unique=True)
Index("revisions_content", revisions.c.content_hash, sqlite_where=revisions.c.content_hash.is_not(None))
Index("revisions_merged", revisions.c.merged_hash, sqlite_where=revisions.c.merged_hash.is_not(None))

pull_heads = Table(
    "pull_heads", metadata,
    Column("repository_id", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("heads", JsonText, nullable=False),
    PrimaryKeyConstraint("repository_id", "number"),
)  # fmt: skip

holders = Table(
    "holders", metadata,
    Column("block", Text, nullable=False),
    Column("collection", Text, nullable=False),
    Column("key", AnyText, nullable=False),
    Column("repository_id", BigInteger, nullable=False),
    PrimaryKeyConstraint("block", "collection", "key"),
)  # fmt: skip

feed_state = Table(
    "feed_state", metadata,
    Column("only", Integer, CheckConstraint("only = 1"), primary_key=True),
    Column("epoch", Text, nullable=False),
    Column("high_water", BigInteger, nullable=False),
)  # fmt: skip

sweeps = Table(
    "sweeps", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("started_at", UtcText, nullable=False),
    Column("finished_at", UtcText, nullable=False),
    Column("requests_rest", Integer, nullable=False),
    Column("requests_git", Integer, nullable=False),
    Column("repositories", Integer, nullable=False),
    Column("reconciled", Integer, nullable=False),
    Column("changes", Integer, nullable=False),
    Column("errors", JsonText, nullable=False),
    sqlite_autoincrement=True,
)  # fmt: skip
Index("sweeps_kind", sweeps.c.kind, sweeps.c.id)

hooks = Table(
    "hooks", metadata,
    Column("hook_id", BigInteger, primary_key=True),
    Column("scope", AnyText, nullable=False),
    Column("url", AnyText, nullable=False),
    Column("salt", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("made_at", UtcText),
)  # fmt: skip

heard = Table(
    "heard", metadata,
    Column("owner", AnyText, primary_key=True),
    Column("delivered_at", UtcText, nullable=False),
    Column("silent_sweeps", Integer, nullable=False),
)  # fmt: skip

tokens = Table(
    "tokens", metadata,
    Column("name", Text, primary_key=True),
    Column("hash", Text, nullable=False, unique=True),
    Column("data", JsonText, nullable=False),
    Column("created_at", UtcText, nullable=False),
    Column("expires_at", UtcText),
    Column("used_at", UtcText),
)  # fmt: skip

meta = Table(
    "meta", metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)  # fmt: skip
"""What the file is of: `forge`, the address of the forge."""

incidents = Table(
    "incidents", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", UtcText, nullable=False),
    Column("file", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    sqlite_autoincrement=True,
)  # fmt: skip
"""What happened to the files of `data_dir`: lost, replaced, mended."""
