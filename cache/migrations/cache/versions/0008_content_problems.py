"""Keep what a repository holds that could not be read as it is: names that stand twice, limits that were reached."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the table; it fills when repositories are read again."""
    op.create_table(
        "content_problems",
        sa.Column("repository_id", sa.BigInteger, primary_key=True),
        sa.Column("rule", sa.Text, primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("message", sa.Text, nullable=False),
    )
