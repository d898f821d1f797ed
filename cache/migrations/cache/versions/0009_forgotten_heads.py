"""Keep which event told of a head, what could not be read, and whether pull requests are switched on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the columns and the table. Timelines are read again, so that their events are known by their ids."""
    switch = sa.Column("has_pull_requests", sa.Boolean, nullable=False, server_default=sa.text("1"))
    if all(column["name"] != switch.name for column in sa.inspect(op.get_bind()).get_columns("repositories")):
        op.add_column("repositories", switch)  # a file that the first migration makes now has it already
    op.add_column("pull_histories", sa.Column("rewritten", sa.Boolean, nullable=False, server_default=sa.text("0")))
    op.add_column("pull_heads", sa.Column("event", sa.BigInteger, nullable=False, server_default=sa.text("0")))
    op.add_column("pull_heads", sa.Column("gap", sa.Boolean, nullable=False, server_default=sa.text("0")))
    op.add_column("pull_heads", sa.Column("relisted", sa.Boolean, nullable=False, server_default=sa.text("0")))
    op.add_column("pull_heads", sa.Column("also", sa.Text, nullable=False, server_default=sa.text("'[]'")))
    op.create_table(
        "read_errors",
        sa.Column("repository_id", sa.BigInteger, primary_key=True),
        sa.Column("about", sa.Text, primary_key=True),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("retry", sa.Boolean, nullable=False),
    )
    op.execute("UPDATE pull_histories SET settled = 0")
    op.execute("DELETE FROM unreadable WHERE object_id LIKE 'its %'")
