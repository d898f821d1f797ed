'''Brings a database to the schema that this version knows.

Migrations are Alembic's (alembic.sqlalchemy.org), one file each under `cache/migrations/{cache,state}/versions/`,
named `NNNN_what.py` with `revision = "NNNN"`. There is no alembic.ini and no env.py: they run at start, on our own
connection, all that are pending in one transaction with the version they lead to. A failure leaves the file as it was.

A migration says what it does in its own words, never through today's tables: those will have moved on when it runs.

    """Count what each sweep read."""

    import sqlalchemy as sa
    from alembic import op

    revision = "0002"
    down_revision = "0001"

    def upgrade() -> None:
        op.add_column("sweeps", sa.Column("bytes_read", sa.Integer, server_default="0", nullable=False))

Migrations go one way: there is no `downgrade`.
'''

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection

from cache.store.database import Database

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext, RevisionStep
    from alembic.script import ScriptDirectory

MIGRATIONS = Path(__file__).parent.parent / "migrations"


class MigrationError(Exception):
    """The database cannot be brought to this version's schema; it is as it was before."""


class NewerSchemaError(MigrationError):
    """The file was written by a newer version, whose schema this one does not know."""


async def upgrade(database: Database, which: Literal["cache", "state"], *, migrations: Path = MIGRATIONS) -> str:
    """Apply what is pending; gives the version reached, such as `0003`.

    Raises `NewerSchemaError` where the file was written by a newer version, `MigrationError` where a migration leaves
    rows that refer to nothing; and whatever a migration raises. In each case the file keeps the schema and rows it had.
    """
    async with database.transaction(foreign_keys=False) as connection:
        return await connection.run_sync(_upgrade, migrations / which, database.path)


def _upgrade(connection: Connection, folder: Path, path: Path) -> str:
    # Nearly every start finds nothing pending: it is spared Alembic, which takes as long to import as all of ours.
    newest = max((file.stem.partition("_")[0] for file in (folder / "versions").glob("[0-9]*_*.py")), default=None)
    if newest is not None and _current(connection) == newest:
        return newest
    return _migrate(connection, folder, path)


def _current(connection: Connection) -> str | None:
    """The version that a database says it has; None where it says nothing."""
    if not connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").all():
        return None
    rows = connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
    return str(rows[0][0]) if len(rows) == 1 else None


def _migrate(connection: Connection, folder: Path, path: Path) -> str:
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(folder))
    head = script.get_current_head()
    if head is None:
        raise MigrationError(f"no migrations in {folder}; the installation is incomplete, install Forgeglass again")
    known = {each.revision for each in script.walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise NewerSchemaError(
            f"{path} has schema {current}, written by a newer Forgeglass; this one knows up to {head}. "
            "Start the newer version again, or restore a copy of the file from before it"
        )
    if current != head:
        _run(connection, script, head)
        dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(1)
        if dangling:
            raise MigrationError(f"{path}: migrating to {head} leaves rows of {dangling[0][0]} that refer to nothing")
    return head


def _run(connection: Connection, script: ScriptDirectory, head: str) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext

    def steps(current: Any, _context: MigrationContext) -> list[RevisionStep]:
        return script._upgrade_revs(head, current)  # what alembic.command.upgrade itself calls

    with EnvironmentContext(Config(), script, fn=steps, destination_rev=head) as environment:
        # The connection is in our transaction already, so Alembic neither begins nor commits one of its own.
        environment.configure(connection=connection, render_as_batch=True)
        environment.run_migrations()
