"""Whether the database has the tables of this version: migrations that `identd init-db` has not applied."""

from console.database import Database
from console.errors import SchemaError
from loader.migrate import migrations


async def missing_migrations(database: Database) -> tuple[str, ...]:
    """Their names in order, all of them where there is no schema at all. DatabaseAwayError."""
    try:
        rows = await database.fetch("SELECT number FROM migrations")
    except SchemaError:
        rows = ()
    applied = {row["number"] for row in rows}
    return tuple(migration.name for migration in migrations() if migration.number not in applied)
