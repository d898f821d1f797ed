"""The first tables of `state.db`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "inbox",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("delivery", sa.Text, nullable=False, unique=True),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("repository_id", sa.BigInteger),
        sa.Column("full_name", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column(
            "state", sa.Text, sa.CheckConstraint("state IN ('pending','done','ignored','failed')"), nullable=False
        ),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("received_at", sa.Text, nullable=False),
        sa.Column("done_at", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("inbox_pending", "inbox", ["repository_id", "id"], sqlite_where=sa.text("state = 'pending'"))
    op.create_index("inbox_done", "inbox", ["done_at"])
    op.create_table(
        "tombstones",
        sa.Column("kind", sa.Text, sa.CheckConstraint("kind IN ('branch','pull','repository')"), primary_key=True),
        sa.Column("repository_id", sa.BigInteger, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("first_missing_at", sa.Text, nullable=False),
    )
    op.create_table(
        "revisions",
        sa.Column("block", sa.Text, primary_key=True),
        sa.Column("collection", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("repository_id", sa.BigInteger, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("content", sa.Text),
        sa.Column("frozen_at", sa.Text),
        sa.Column("data", sa.Text, nullable=False),
    )
    op.create_index("revisions_version", "revisions", ["block", "collection", "key", "version"], unique=True)
    op.create_table(
        "feed_state",
        sa.Column("only", sa.Integer, sa.CheckConstraint("only = 1"), primary_key=True),
        sa.Column("epoch", sa.Text, nullable=False),
        sa.Column("high_water", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "sweeps",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("started_at", sa.Text, nullable=False),
        sa.Column("finished_at", sa.Text, nullable=False),
        sa.Column("requests_rest", sa.Integer, nullable=False),
        sa.Column("requests_git", sa.Integer, nullable=False),
        sa.Column("repositories", sa.Integer, nullable=False),
        sa.Column("reconciled", sa.Integer, nullable=False),
        sa.Column("changes", sa.Integer, nullable=False),
        sa.Column("errors", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("sweeps_kind", "sweeps", ["kind", "id"])
    op.create_table(
        "marks",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "tokens",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("hash", sa.Text, nullable=False, unique=True),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("expires_at", sa.Text),
    )
