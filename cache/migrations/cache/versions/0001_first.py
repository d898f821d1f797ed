"""The first schema of `cache.db`."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE repositories (id INTEGER NOT NULL, owner TEXT NOT NULL, name TEXT NOT NULL, full_name TEXT NOT NULL,
  default_branch TEXT NOT NULL, private BOOLEAN NOT NULL, archived BOOLEAN NOT NULL, empty BOOLEAN NOT NULL, fork
  BOOLEAN NOT NULL, mirror BOOLEAN NOT NULL, description TEXT NOT NULL, topics TEXT NOT NULL, created_at TEXT,
  object_format TEXT NOT NULL, depth TEXT, interest TEXT NOT NULL, position BIGINT NOT NULL, PRIMARY KEY (id))
;
CREATE INDEX repositories_full_name ON repositories (full_name)
;
CREATE TABLE aliases (full_name TEXT NOT NULL, repository_id BIGINT NOT NULL, PRIMARY KEY (full_name))
;
CREATE TABLE refs (repository_id BIGINT NOT NULL, name TEXT NOT NULL, sha TEXT NOT NULL, PRIMARY KEY (repository_id,
  name))
;
CREATE TABLE commits (repository_id BIGINT NOT NULL, sha TEXT NOT NULL, author_name TEXT NOT NULL, author_email TEXT
  NOT NULL, authored_at TEXT NOT NULL, committer_name TEXT NOT NULL, committer_email TEXT NOT NULL, committed_at TEXT
  NOT NULL, message TEXT NOT NULL, parents TEXT NOT NULL, PRIMARY KEY (repository_id, sha))
;
CREATE TABLE file_versions (repository_id BIGINT NOT NULL, path TEXT NOT NULL, position BIGINT NOT NULL, landed TEXT
  NOT NULL, "commit" TEXT NOT NULL, blob TEXT, mode TEXT NOT NULL, PRIMARY KEY (repository_id, path, position))
;
CREATE INDEX file_versions_landed ON file_versions (repository_id, position)
;
CREATE TABLE blobs (repository_id BIGINT NOT NULL, id TEXT NOT NULL, content BLOB, PRIMARY KEY (repository_id, id))
;
CREATE TABLE pull_requests (repository_id BIGINT NOT NULL, number BIGINT NOT NULL, title TEXT NOT NULL, body TEXT NOT
  NULL, user TEXT NOT NULL, state TEXT NOT NULL, draft BOOLEAN NOT NULL, merged BOOLEAN NOT NULL, head_label TEXT NOT
  NULL, head_repository_id BIGINT, base_ref TEXT NOT NULL, created_at TEXT NOT NULL, closed_at TEXT, merged_at TEXT,
  merge_commit_sha TEXT, labels TEXT NOT NULL, PRIMARY KEY (repository_id, number))
;
CREATE TABLE unreadable (repository_id BIGINT NOT NULL, object_id TEXT NOT NULL, named_by TEXT NOT NULL, PRIMARY KEY
  (repository_id, object_id))
;
CREATE TABLE people (address TEXT NOT NULL, login TEXT NOT NULL, PRIMARY KEY (address))
;
CREATE TABLE entries (block TEXT NOT NULL, collection TEXT NOT NULL, "key" TEXT NOT NULL, repository_id BIGINT NOT
  NULL, path TEXT NOT NULL, line BIGINT NOT NULL, title TEXT NOT NULL, valid BOOLEAN NOT NULL, fields TEXT NOT NULL,
  body TEXT, entry_body TEXT, entry_sha TEXT NOT NULL, "commit" TEXT NOT NULL, last_entry_commit_at TEXT NOT NULL,
  landed TEXT NOT NULL, landed_at TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
  document_repository_id BIGINT, document_path TEXT, document_body TEXT, document_sha TEXT, document_commit TEXT,
  document_commit_at TEXT, home_repository_id BIGINT, last_main_commit_at TEXT, PRIMARY KEY (block, collection,
  "key"))
;
CREATE INDEX entries_repository ON entries (repository_id)
;
CREATE INDEX entries_home ON entries (home_repository_id)
;
CREATE INDEX entries_landed ON entries (block, collection, landed_at)
;
CREATE INDEX entries_key ON entries (block, "key")
;
CREATE INDEX entries_updated ON entries (block, collection, updated_at)
;
CREATE TABLE history (block TEXT NOT NULL, collection TEXT NOT NULL, "key" TEXT NOT NULL, part TEXT NOT NULL, position
  BIGINT NOT NULL, change TEXT NOT NULL, repository_id BIGINT NOT NULL, path TEXT NOT NULL, sha TEXT, "commit" TEXT
  NOT NULL, commit_at TEXT NOT NULL, author_name TEXT NOT NULL, author_email TEXT NOT NULL, landed TEXT NOT NULL,
  landed_at TEXT NOT NULL, subject TEXT NOT NULL, PRIMARY KEY (block, collection, "key", part, position))
;
CREATE INDEX history_landed ON history (block, collection, "key", landed_at)
;
CREATE TABLE relations (block TEXT NOT NULL, collection TEXT NOT NULL, "key" TEXT NOT NULL, field TEXT NOT NULL,
  position BIGINT NOT NULL, kind TEXT NOT NULL, target TEXT NOT NULL, target_id BIGINT, resolved BOOLEAN NOT NULL,
  PRIMARY KEY (block, collection, "key", field, position))
;
CREATE INDEX relations_target ON relations (kind, target)
;
CREATE TABLE branches (block TEXT NOT NULL, collection TEXT NOT NULL, "key" TEXT NOT NULL, repository_id BIGINT NOT
  NULL, name TEXT NOT NULL, sha TEXT NOT NULL, state TEXT NOT NULL, last_commit_at TEXT, is_default BOOLEAN NOT NULL,
  PRIMARY KEY (block, collection, "key", repository_id, name))
;
CREATE INDEX branches_repository ON branches (repository_id, name)
;
CREATE TABLE pulls (repository_id BIGINT NOT NULL, number BIGINT NOT NULL, title TEXT NOT NULL, description TEXT NOT
  NULL, state TEXT NOT NULL, draft BOOLEAN NOT NULL, user TEXT NOT NULL, opened_at TEXT NOT NULL, merged_at TEXT,
  closed_at TEXT, merge_commit_sha TEXT, head_branch TEXT NOT NULL, head_repository_id BIGINT, from_fork BOOLEAN NOT
  NULL, base_branch TEXT NOT NULL, head_sha TEXT, labels TEXT NOT NULL, gone BOOLEAN NOT NULL, PRIMARY KEY
  (repository_id, number))
;
CREATE INDEX pulls_opened ON pulls (opened_at)
;
CREATE INDEX pulls_open ON pulls (repository_id, opened_at) WHERE state = 'open'
;
CREATE TABLE pull_entries (repository_id BIGINT NOT NULL, number BIGINT NOT NULL, block TEXT NOT NULL, collection TEXT
  NOT NULL, "key" TEXT NOT NULL, kind TEXT NOT NULL, actor TEXT, actor_source TEXT, actor_evidence TEXT, PRIMARY KEY
  (repository_id, number, block, collection))
;
CREATE INDEX pull_entries_key ON pull_entries (block, collection, "key")
;
CREATE TABLE findings (id TEXT NOT NULL, rule TEXT NOT NULL, severity TEXT NOT NULL, message TEXT NOT NULL, block
  TEXT, collection TEXT, "key" TEXT, repository_id BIGINT, path TEXT, line BIGINT, field TEXT, "commit" TEXT, since
  TEXT, PRIMARY KEY (id))
;
CREATE INDEX findings_repository ON findings (repository_id)
;
CREATE INDEX findings_rule ON findings (rule)
;
CREATE INDEX findings_entry ON findings (block, collection, "key")
;
CREATE TABLE looks (repository_id INTEGER NOT NULL, observed_at TEXT, verified_at TEXT, looked_at TEXT, delivered_at
  TEXT, failures BIGINT NOT NULL, next_look_at TEXT, last_error TEXT, last_error_at TEXT, remedy TEXT, PRIMARY KEY
  (repository_id))
;
CREATE TABLE pull_looks (repository_id BIGINT NOT NULL, number BIGINT NOT NULL, looked_at TEXT NOT NULL, PRIMARY KEY
  (repository_id, number))
;
CREATE TABLE owners (name TEXT NOT NULL, id BIGINT NOT NULL, organization BOOLEAN NOT NULL, total BIGINT, listed_at
  TEXT, repositories_since TEXT, pulls_since TEXT, activity_id BIGINT, swept_at TEXT, last_error TEXT, PRIMARY KEY
  (name))
;
CREATE TABLE changes (sequence INTEGER NOT NULL, at TEXT NOT NULL, kind TEXT NOT NULL, operation TEXT NOT NULL, block
  TEXT, collection TEXT, "key" TEXT, repository_id INTEGER, number INTEGER, name TEXT, columns TEXT NOT NULL, "commit"
  TEXT, PRIMARY KEY (sequence))
;
CREATE INDEX changes_entry ON changes (block, collection, "key")
;
CREATE TABLE cleared_findings (rule TEXT, severity TEXT, message TEXT, block TEXT, collection TEXT, "key" TEXT,
  repository_id BIGINT, path TEXT, line BIGINT, field TEXT, "commit" TEXT, since TEXT, id TEXT NOT NULL, cleared_at
  TEXT NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (sequence))
;
CREATE TABLE meta (name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name))
"""

FULL_TEXT = (
    "CREATE VIRTUAL TABLE entry_text USING fts5("
    "key, title, body, content='entries', content_rowid='rowid', tokenize='unicode61 remove_diacritics 2')",
    "CREATE TRIGGER entry_text_insert AFTER INSERT ON entries BEGIN "
    "INSERT INTO entry_text(rowid, key, title, body) VALUES (new.rowid, new.key, new.title, new.body); END",
    "CREATE TRIGGER entry_text_delete AFTER DELETE ON entries BEGIN "
    "INSERT INTO entry_text(entry_text, rowid, key, title, body) "
    "VALUES ('delete', old.rowid, old.key, old.title, old.body); END",
    "CREATE TRIGGER entry_text_update AFTER UPDATE OF key, title, body ON entries BEGIN "
    "INSERT INTO entry_text(entry_text, rowid, key, title, body) "
    "VALUES ('delete', old.rowid, old.key, old.title, old.body); "
    "INSERT INTO entry_text(rowid, key, title, body) VALUES (new.rowid, new.key, new.title, new.body); END",
)


def upgrade() -> None:
    """Make every table, and the full-text index with the triggers that keep it."""
    for statement in (*TABLES.split(";"), *FULL_TEXT):
        op.execute(statement)


def downgrade() -> None:
    """There is nothing before the first."""
    raise NotImplementedError("cache.db can be deleted: the next start makes a new one")
