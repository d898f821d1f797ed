"""Keep each frozen text once: what was merged is mostly what was raised, and one text may stand in many revisions."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

CHUNK = 200
"""Rows read at once: each may hold two megabytes."""

TABLES = (
    "CREATE TABLE texts (hash TEXT NOT NULL PRIMARY KEY, content TEXT NOT NULL)",
    """CREATE TABLE new_revisions (
        block TEXT NOT NULL, collection TEXT NOT NULL, "key" TEXT NOT NULL, repository_id BIGINT NOT NULL,
        number INTEGER NOT NULL, version INTEGER NOT NULL, content_hash TEXT REFERENCES texts (hash), frozen_at TEXT,
        data TEXT NOT NULL, merged_hash TEXT REFERENCES texts (hash),
        PRIMARY KEY (block, collection, "key", repository_id, number))""",
)

PUT = """
INSERT INTO new_revisions
SELECT block, collection, "key", repository_id, number, version, ?, frozen_at, ?, ? FROM revisions WHERE rowid = ?
"""

FROZEN = """
CREATE TRIGGER revisions_frozen BEFORE UPDATE ON revisions
WHEN (old.content_hash IS NOT NULL AND new.content_hash IS NOT old.content_hash)
  OR (old.frozen_at IS NOT NULL AND new.frozen_at IS NOT old.frozen_at)
  OR new.version IS NOT old.version
BEGIN
  SELECT RAISE(ABORT, 'the content, time and version of a revision never change');
END
"""

STANDING = """
CREATE TRIGGER texts_frozen BEFORE UPDATE ON texts
BEGIN
  SELECT RAISE(ABORT, 'texts never change');
END
"""
"""A text is found by its hash, and many rows may refer to it."""

INSTEAD = (
    "DROP TABLE revisions",
    "ALTER TABLE new_revisions RENAME TO revisions",
    'CREATE UNIQUE INDEX revisions_version ON revisions (block, collection, "key", version)',
    "CREATE INDEX revisions_content ON revisions (content_hash) WHERE content_hash IS NOT NULL",
    "CREATE INDEX revisions_merged ON revisions (merged_hash) WHERE merged_hash IS NOT NULL",
    FROZEN,
    STANDING,
)


def upgrade() -> None:
    """Move the texts out of the rows; rows stay what they are, to the letter."""
    bind = op.get_bind()
    for statement in TABLES:
        op.execute(statement)
    last = -1
    while rows := bind.exec_driver_sql(
        f"SELECT rowid, content, data FROM revisions WHERE rowid > ? ORDER BY rowid LIMIT {CHUNK}", (last,)
    ).all():
        for rowid, content, data in rows:
            said: dict[str, Any] = json.loads(data)
            merged = said.pop("merged_content") if isinstance(said.get("merged_content"), str) else None
            told = json.dumps(said, sort_keys=True, separators=(",", ":"))
            bind.exec_driver_sql(PUT, (_kept(bind, content), told, _kept(bind, merged), rowid))
        last = rows[-1][0]
    for statement in INSTEAD:
        op.execute(statement)


def _kept(bind: sa.Connection, content: str | None) -> str | None:
    if content is None:
        return None
    written = content.encode("utf-8", "backslashreplace")
    digest = hashlib.sha256(written).hexdigest()
    bind.exec_driver_sql("INSERT OR IGNORE INTO texts (hash, content) VALUES (?, ?)", (digest, written.decode()))
    return digest
