"""Keep the base that a head was raised against, where its pull request has another one now."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; it fills when a timeline is read again."""
    op.add_column("pull_heads", sa.Column("base", sa.Text))
