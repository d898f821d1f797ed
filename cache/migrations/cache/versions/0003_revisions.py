"""Tell revisions, and refuse to change what they froze."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

FROZEN = """
CREATE TRIGGER revisions_frozen BEFORE UPDATE ON revisions
WHEN (old.content IS NOT NULL AND new.content IS NOT old.content)
  OR (old.frozen_at IS NOT NULL AND new.frozen_at IS NOT old.frozen_at)
  OR new.version IS NOT old.version
BEGIN
  SELECT RAISE(ABORT, 'the content, time and version of a revision never change');
END
"""


def upgrade() -> None:
    """Make the table, its indexes and its trigger."""
    op.create_table(
        "revisions",
        sa.Column("block", sa.Text, primary_key=True),
        sa.Column("collection", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("repository_id", sa.BigInteger, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("entry_repository_id", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("part", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("content", sa.Text),
        sa.Column("content_state", sa.Text, nullable=False),
        sa.Column("frozen_at", sa.Text),
        sa.Column("head_sha", sa.Text),
        sa.Column("blob", sa.Text),
        sa.Column("pr_state", sa.Text, nullable=False),
        sa.Column("pr_url", sa.Text),
        sa.Column("pr_branch", sa.Text, nullable=False),
        sa.Column("merged_at", sa.Text),
        sa.Column("closed_at", sa.Text),
        sa.Column("merged_commit", sa.Text),
        sa.Column("merged_content", sa.Text),
        sa.Column("amendments", sa.Text, nullable=False),
        sa.Column("retold", sa.Text),
    )
    key = ["block", "collection", "key"]
    op.create_index("revisions_version", "revisions", [*key, "version"])
    op.create_index("revisions_merged", "revisions", [*key, "merged_at"])
    op.create_index("revisions_pull", "revisions", ["repository_id", "number"])
    op.execute(FROZEN)
