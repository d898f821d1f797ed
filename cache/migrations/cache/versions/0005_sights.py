"""Keep who may be told each change, and what entries say without their documents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

KNOWN = """
INSERT INTO sights (sequence, private, full_name, others, told, farewell)
SELECT sequence, private, full_name, others,
  CASE json_array_length(others)
    WHEN 0 THEN json_array(json(columns))
    WHEN 1 THEN json_array(NULL, json(columns))
    ELSE json_array(NULL, NULL, NULL, json(columns))
  END, 0
FROM (
  SELECT changes.sequence, changes.columns, repositories.private, repositories.full_name,
    CASE
      WHEN entries.key IS NULL THEN '[]'
      WHEN changes.kind = 'entry' THEN (
        SELECT json_group_array(value) FROM (
          SELECT entries.document_repository_id AS value UNION SELECT entries.home_repository_id)
        WHERE value IS NOT NULL AND value <> entries.repository_id)
      WHEN entries.repository_id <> changes.repository_id THEN json_array(entries.repository_id)
      ELSE '[]'
    END AS others
  FROM changes
  LEFT JOIN repositories ON repositories.id = changes.repository_id
  LEFT JOIN entries ON entries.block = changes.block AND entries.collection = changes.collection
    AND entries.key = changes.key
)
"""
"""Of changes that were applied before, what is known today."""

OWN_TEXT = (
    "CREATE VIRTUAL TABLE own_text USING fts5("
    "key, title, entry_body, content='entries', content_rowid='rowid', tokenize='unicode61 remove_diacritics 2')",
    "CREATE TRIGGER own_text_insert AFTER INSERT ON entries WHEN new.document_repository_id IS NOT NULL BEGIN "
    "INSERT INTO own_text(rowid, key, title, entry_body) VALUES (new.rowid, new.key, new.title, new.entry_body); END",
    "CREATE TRIGGER own_text_delete AFTER DELETE ON entries WHEN old.document_repository_id IS NOT NULL BEGIN "
    "INSERT INTO own_text(own_text, rowid, key, title, entry_body) "
    "VALUES ('delete', old.rowid, old.key, old.title, old.entry_body); END",
    "CREATE TRIGGER own_text_update AFTER UPDATE OF key, title, entry_body, document_repository_id ON entries BEGIN "
    "INSERT INTO own_text(own_text, rowid, key, title, entry_body) "
    "SELECT 'delete', old.rowid, old.key, old.title, old.entry_body WHERE old.document_repository_id IS NOT NULL; "
    "INSERT INTO own_text(rowid, key, title, entry_body) "
    "SELECT new.rowid, new.key, new.title, new.entry_body WHERE new.document_repository_id IS NOT NULL; END",
    "INSERT INTO own_text(rowid, key, title, entry_body) "
    "SELECT rowid, key, title, entry_body FROM entries WHERE document_repository_id IS NOT NULL",
)
"""The text of those entries alone that have a document, for readers who may not see it."""


def upgrade() -> None:
    """Make the table with what is known, an index for keys, and the second full-text index with its triggers."""
    op.create_table(
        "sights",
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("private", sa.Boolean),
        sa.Column("full_name", sa.Text),
        sa.Column("others", sa.Text, nullable=False),
        sa.Column("told", sa.Text, nullable=False),
        sa.Column("farewell", sa.Boolean, nullable=False),
    )
    op.execute(KNOWN)
    op.execute("CREATE INDEX IF NOT EXISTS entries_key ON entries (block, key)")
    for statement in OWN_TEXT:
        op.execute(statement)
