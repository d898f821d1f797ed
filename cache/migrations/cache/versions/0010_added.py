"""Keep which commit added a file that a merge brought."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the column; it fills when repositories are read again, which `Interest.canonical` sees to."""
    op.add_column("file_versions", sa.Column("added", sa.Text))
