"""Refuse to change what revisions froze."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

FROZEN = """
CREATE TRIGGER revisions_frozen BEFORE UPDATE ON revisions
WHEN (old.content IS NOT NULL AND new.content IS NOT old.content)
  OR (old.frozen_at IS NOT NULL AND new.frozen_at IS NOT old.frozen_at)
  OR new.version IS NOT old.version
BEGIN
  SELECT RAISE(ABORT, 'the content, time and version of a revision never change');
END
"""


def upgrade() -> None:
    """Make the trigger."""
    op.execute(FROZEN)
