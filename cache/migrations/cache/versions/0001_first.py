"""The first schema of `cache.db`."""

from __future__ import annotations

from alembic import op

from cache.schema import FULL_TEXT, metadata

TABLES = (
    "repositories", "aliases", "refs", "commits", "file_versions", "blobs", "pull_requests", "unreadable", "people",
    "entries", "history", "relations", "branches", "pulls", "pull_entries", "findings", "looks", "pull_looks", "owners",
    "changes", "cleared_findings", "meta",
)  # fmt: skip
"""Those that there were then; the others have migrations of their own."""

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table, and the full-text index with the triggers that keep it."""
    metadata.create_all(op.get_bind(), tables=[metadata.tables[name] for name in TABLES])
    for statement in FULL_TEXT:
        op.execute(statement)


def downgrade() -> None:
    """There is nothing before the first."""
    raise NotImplementedError("cache.db can be deleted: the next start makes a new one")
