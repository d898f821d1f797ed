"""Keep the webhooks that were made and the last sign of each owner's; drop `marks`, which nothing ever used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Drop one table, make two."""
    op.drop_table("marks")
    op.create_table(
        "hooks",
        sa.Column("hook_id", sa.BigInteger, primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("salt", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("made_at", sa.Text),
    )
    op.create_table(
        "heard",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("delivered_at", sa.Text, nullable=False),
        sa.Column("silent_sweeps", sa.Integer, nullable=False),
    )
