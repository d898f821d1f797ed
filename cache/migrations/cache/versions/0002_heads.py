"""Keep the heads of pull requests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables; they fill with the next looks, since what is looked for has changed."""
    op.create_table(
        "pull_histories",
        sa.Column("repository_id", sa.BigInteger, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("updated_at", sa.Text),
        sa.Column("settled", sa.Boolean, nullable=False),
        sa.Column("merge_commit", sa.Text),
    )
    op.create_table(
        "pull_heads",
        sa.Column("repository_id", sa.BigInteger, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("sha", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("forced", sa.Boolean, nullable=False),
        sa.Column("told", sa.Boolean, nullable=False),
        sa.Column("commits", sa.Text, nullable=False),
        sa.Column("fork_point", sa.Text),
        sa.Column("gone", sa.Boolean, nullable=False),
    )
    op.create_table(
        "head_files",
        sa.Column("repository_id", sa.BigInteger, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("blob", sa.Text),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("changed", sa.Boolean, nullable=False),
        sa.Column("before", sa.Text),
    )
