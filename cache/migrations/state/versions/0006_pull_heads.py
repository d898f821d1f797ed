"""Keep the heads that pull requests had: a forge may forget them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table; it fills from `cache.db` and with the next looks."""
    op.create_table(
        "pull_heads",
        sa.Column("repository_id", sa.BigInteger, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("heads", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "number"),
    )
