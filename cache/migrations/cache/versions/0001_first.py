"""The first schema of `cache.db`."""

from __future__ import annotations

from alembic import op

from cache.schema import FULL_TEXT, metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table, and the full-text index with the triggers that keep it."""
    metadata.create_all(op.get_bind())
    for statement in FULL_TEXT:
        op.execute(statement)


def downgrade() -> None:
    """There is nothing before the first."""
    raise NotImplementedError("cache.db can be deleted: the next start makes a new one")
