"""Keep which repositories a sweep went on without: their rows are as old as their own last look."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the column; nothing is due that no sweep has left behind."""
    op.add_column("looks", sa.Column("due_at", sa.Text))
