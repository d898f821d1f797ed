"""Keep each text once, and search tags, people and whatever else fields say.

Entries, blobs, revisions and proposals refer to `texts`; a body is the end of its file. The full-text index reads the
view `entry_search`, by a number of the entry that VACUUM leaves alone. FTS5 lets no table-valued function stand in what
it reads, so what fields say has a column of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

CHUNK = 200
"""Rows read at once: each may hold a megabyte."""

TEXTS = "CREATE TABLE texts (id INTEGER NOT NULL PRIMARY KEY, hash BLOB NOT NULL UNIQUE, content BLOB NOT NULL)"

REFERENCE = "{0}_text INTEGER REFERENCES texts (id), {0}_start INTEGER"

TABLES = {
    "blobs": """repository_id BIGINT NOT NULL, id TEXT NOT NULL, {content}, PRIMARY KEY (repository_id, id)""",
    "entries": """id INTEGER NOT NULL PRIMARY KEY,
        block TEXT NOT NULL, collection TEXT NOT NULL, "key" TEXT NOT NULL,
        repository_id BIGINT NOT NULL, path TEXT NOT NULL, line BIGINT NOT NULL, title TEXT NOT NULL,
        valid BOOLEAN NOT NULL, fields TEXT NOT NULL, {entry_body}, entry_sha TEXT NOT NULL, "commit" TEXT NOT NULL,
        last_entry_commit_at TEXT NOT NULL, landed TEXT NOT NULL, landed_at TEXT NOT NULL, created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL, document_repository_id BIGINT, document_path TEXT, {document_body}, document_sha TEXT,
        document_commit TEXT, document_commit_at TEXT, home_repository_id BIGINT, last_main_commit_at TEXT,
        words TEXT NOT NULL DEFAULT '', UNIQUE (block, collection, "key")""",
    "revisions": """block TEXT NOT NULL, collection TEXT NOT NULL, "key" TEXT NOT NULL, repository_id BIGINT NOT NULL,
        number BIGINT NOT NULL, entry_repository_id BIGINT NOT NULL, version BIGINT NOT NULL, rule TEXT NOT NULL,
        part TEXT NOT NULL, path TEXT NOT NULL, {content}, content_state TEXT NOT NULL, frozen_at TEXT, head_sha TEXT,
        blob TEXT, pr_state TEXT NOT NULL, pr_url TEXT, pr_branch TEXT NOT NULL, merged_at TEXT, closed_at TEXT,
        merged_commit TEXT, {merged_content}, amendments TEXT NOT NULL, retold TEXT,
        PRIMARY KEY (block, collection, "key", repository_id, number)""",
    "proposals": """repository_id BIGINT NOT NULL, number BIGINT NOT NULL, block TEXT NOT NULL,
        collection TEXT NOT NULL, "key" TEXT NOT NULL, change TEXT NOT NULL, part TEXT NOT NULL, path TEXT NOT NULL,
        line BIGINT NOT NULL, title TEXT NOT NULL, valid BOOLEAN NOT NULL, fields TEXT NOT NULL, {body},
        findings TEXT NOT NULL, head_sha TEXT NOT NULL, blob TEXT,
        PRIMARY KEY (repository_id, number, block, collection, "key")""",
}

REFERRING = {
    "blobs": {"content": ""},
    "entries": {
        "entry_body": "file.repository_id = own.repository_id AND file.id = own.entry_sha",
        "document_body": "file.repository_id = own.document_repository_id AND file.id = own.document_sha",
    },
    "revisions": {
        "content": "file.repository_id IN (own.repository_id, own.entry_repository_id) AND file.id = own.blob",
        "merged_content": "",
    },
    "proposals": {"body": "file.repository_id = own.repository_id AND file.id = own.blob"},
}
"""The columns that become references, and which blob may end with each."""

INDEXES = (
    "CREATE INDEX entries_updated ON entries (block, collection, updated_at)",
    "CREATE INDEX entries_landed ON entries (block, collection, landed_at)",
    "CREATE INDEX entries_home ON entries (home_repository_id)",
    "CREATE INDEX entries_repository ON entries (repository_id)",
    'CREATE INDEX entries_key ON entries (block, "key")',
    'CREATE INDEX revisions_version ON revisions (block, collection, "key", version)',
    'CREATE INDEX revisions_merged ON revisions (block, collection, "key", merged_at)',
    "CREATE INDEX revisions_pull ON revisions (repository_id, number)",
    'CREATE INDEX proposals_key ON proposals (block, collection, "key")',
)

SAID = (
    "(SELECT CAST(coalesce(substr(content, {row}{name}_start + 1), x'') AS TEXT) "
    "FROM texts WHERE id = {row}{name}_text)"
)

FROZEN = f"""
CREATE TRIGGER revisions_frozen BEFORE UPDATE ON revisions
WHEN (old.content_text IS NOT NULL
    AND (new.content_text IS NOT old.content_text OR new.content_start IS NOT old.content_start)
    AND {SAID.format(row="new.", name="content")} IS NOT {SAID.format(row="old.", name="content")})
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

WORDS = """
UPDATE entries SET words = coalesce(
  (SELECT group_concat(atom, ' ') FROM json_tree(fields) WHERE type = 'text' AND atom <> entries.title), '')
"""

SEARCHED = ("key", "title", "words", "entry_body_text", "entry_body_start", "document_repository_id",
            "document_body_text", "document_body_start")  # fmt: skip
CHANGED = " OR ".join(f'old."{name}" IS NOT new."{name}"' for name in SEARCHED)
COLUMNS = "body, key, title, words, own"
"""The longest first: of all others the index keeps the number with each word of each row."""

FULL_TEXT = (
    f"""CREATE VIEW entry_search AS SELECT id, "key", title, words,
        CASE WHEN document_repository_id IS NULL THEN {SAID.format(row="entries.", name="entry_body")}
          ELSE {SAID.format(row="entries.", name="document_body")} END AS body,
        CASE WHEN document_repository_id IS NOT NULL THEN {SAID.format(row="entries.", name="entry_body")} END AS own
        FROM entries""",
    f"CREATE VIRTUAL TABLE entry_text USING fts5({COLUMNS}, content='entry_search', content_rowid='id', "
    "tokenize='unicode61 remove_diacritics 2')",
    f"CREATE TRIGGER entry_text_insert AFTER INSERT ON entries BEGIN INSERT INTO entry_text(rowid, {COLUMNS}) "
    f"SELECT id, {COLUMNS} FROM entry_search WHERE id = new.id; END",
    "CREATE TRIGGER entry_text_delete BEFORE DELETE ON entries BEGIN "
    f"INSERT INTO entry_text(entry_text, rowid, {COLUMNS}) "
    f"SELECT 'delete', id, {COLUMNS} FROM entry_search WHERE id = old.id; END",
    f"CREATE TRIGGER entry_text_forget BEFORE UPDATE ON entries WHEN {CHANGED} BEGIN "
    f"INSERT INTO entry_text(entry_text, rowid, {COLUMNS}) "
    f"SELECT 'delete', id, {COLUMNS} FROM entry_search WHERE id = old.id; END",
    f"CREATE TRIGGER entry_text_update AFTER UPDATE ON entries WHEN {CHANGED} BEGIN "
    f"INSERT INTO entry_text(rowid, {COLUMNS}) SELECT id, {COLUMNS} FROM entry_search WHERE id = new.id; END",
    "INSERT INTO entry_text(entry_text) VALUES ('rebuild')",
)
"""What an update drops from the index is read before it, while the old text is still referred to."""


def upgrade() -> None:
    """Make the tables anew with the rows that they have; views of profiles are made again at every start."""
    bind = op.get_bind()
    for view in bind.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'view'").scalars().all():
        op.execute(f'DROP VIEW "{view}"')
    for trigger in bind.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all():
        op.execute(f'DROP TRIGGER "{trigger}"')
    for index in ("entry_text", "own_text"):
        op.execute(f"DROP TABLE {index}")
    op.execute(TEXTS)
    texts = _Texts(bind)
    for table, columns in TABLES.items():
        names = {name: REFERENCE.format(name) for name in REFERRING[table]}
        op.execute(f"CREATE TABLE new_{table} ({columns.format(**names)})")
        _copy(bind, table, texts)
        op.execute(f"DROP TABLE {table}")
        op.execute(f"ALTER TABLE new_{table} RENAME TO {table}")
        for name in names:
            op.execute(f"CREATE INDEX {table}_{name} ON {table} ({name}_text) WHERE {name}_text IS NOT NULL")
    for statement in (*INDEXES, FROZEN, STANDING, WORDS, *FULL_TEXT):
        op.execute(statement)


class _Texts:
    """The ids of texts by their hashes."""

    def __init__(self, bind: sa.Connection) -> None:
        self.bind = bind
        self.ids: dict[bytes, int] = {}

    def id(self, content: bytes) -> int:
        digest = hashlib.sha256(content).digest()
        if digest not in self.ids:
            self.ids[digest] = len(self.ids) + 1
            statement = "INSERT INTO texts (id, hash, content) VALUES (?, ?, ?)"
            self.bind.exec_driver_sql(statement, (self.ids[digest], digest, content))
        return self.ids[digest]


def _copy(bind: sa.Connection, table: str, texts: _Texts) -> None:
    texted = REFERRING[table]
    columns = bind.exec_driver_sql(f"SELECT name FROM pragma_table_info('{table}')").scalars().all()
    gone = {*texted, "body"} if table == "entries" else {*texted}
    same = ", ".join(f'"{name}"' for name in columns if name not in gone)
    into = ", ".join(f"{name}_text, {name}_start" for name in texted)
    put = f"INSERT INTO new_{table} ({same}, {into}) SELECT {same}{', ?, ?' * len(texted)} FROM {table} WHERE rowid = ?"
    for row in _rows(bind, table, texted):
        places: list[int | None] = []
        for said, whole in zip(row[1::2], row[2::2], strict=True):
            places += _place(texts, said, whole)
        bind.exec_driver_sql(put, (*places, row[0]))


def _rows(bind: sa.Connection, table: str, texted: dict[str, str]) -> Iterator[Any]:
    """The rowid of each row, and of each text what it says and the bytes that may end with it."""
    whole = "(SELECT content FROM texts WHERE id = (SELECT content_text FROM blobs AS file WHERE {}))"
    told = ", ".join(f"own.{name}, {whole.format(same) if same else 'NULL'}" for name, same in texted.items())
    last = -1
    while True:
        statement = f"SELECT rowid, {told} FROM {table} AS own WHERE rowid > ? ORDER BY rowid LIMIT {CHUNK}"
        rows = bind.exec_driver_sql(statement, (last,)).all()
        yield from rows
        if len(rows) < CHUNK:
            return
        last = rows[-1][0]


def _place(texts: _Texts, said: str | bytes | None, whole: bytes | None) -> tuple[int | None, int | None]:
    if said is None:
        return None, None
    own = said.encode() if isinstance(said, str) else said
    if whole is not None and whole.endswith(own):
        return texts.id(whole), len(whole) - len(own)
    return texts.id(own), 0
