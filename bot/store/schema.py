"""
The tables. Written once at first start; ``meta`` holds their version.

Rule: a version that only adds reads a database of the one before: tables and columns that are
missing are made, and it has the new version from then on. So a column that comes later is
nullable or has a ``server_default``. Anything else is refused, and left as it is; so is a newer
one, also if it only has more: we would not do what stands there.

Times are UTC seconds since the epoch; what only people read is JSON.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.schema import CreateColumn

from agent.wire.errors import Refusal

VERSION = "7"

GROWS_FROM = ("3", "4", "5", "6")
"""Versions that lack nothing but tables and columns."""


class VersionError(Refusal):
    """A database that another version of labroom has made."""


metadata = MetaData()

WITH_OUTPUT = "final AND dropped = '' AND size > 0"
"""A run whose output is whole, and here: what may be dropped."""

meta = Table(
    "meta",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)

job = Table(
    "job",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("line", String, index=True),  # the id of the line that asked, which may not be unique
    Column("text", String, nullable=False, default=""),  # and its words: said twice, done once
    Column("steps", JSON, nullable=False),
    Column("ref", String, nullable=False, default="", server_default=""),  # what the asker calls it
    Column("asker", String, nullable=False),
    Column("asker_jid", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("asked", Float, nullable=False),
    Column("by", Float, nullable=False),
    Column("told", Boolean, nullable=False),
    Index("job_by_age", "asked"),
    sqlite_autoincrement=True,  # a number is never used again
)

run = Table(
    "run",
    metadata,
    Column("job", ForeignKey("job.number"), primary_key=True),
    Column("jid", String, primary_key=True),
    Column("target", String, nullable=False),
    Column("phase", String, nullable=False),
    Column("verdict", String),
    Column("reason", String, nullable=False, default=""),
    Column("outcomes", JSON, nullable=False),
    Column("journal", String, nullable=False, default=""),
    Column("size", BigInteger, nullable=False, default=0),
    Column("printed", BigInteger, nullable=False, default=0),
    Column("began", Float),
    Column("ended", Float),
    Column("heard", Float),  # when its target said something of it last
    Column("stop", String, nullable=False, default=""),
    Column("origin", String, nullable=False, default=""),  # its id, if an earlier store gave it
    Column("final", Boolean, nullable=False, default=False),
    Column("told", String),  # the verdict that the asker has heard
    Column("dropped", String, nullable=False, default="", server_default=""),  # why its output went
    Index("run_by_target", "jid", "phase"),
    Index("run_with_output", "ended", "size", sqlite_where=text(WITH_OUTPUT)),
)

piece = Table(
    "piece",
    metadata,
    Column("job", Integer, primary_key=True),
    Column("jid", String, primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("parsed", BigInteger, nullable=False),  # with it, whole records end here
    Column("data", LargeBinary, nullable=False),
)

waste = Table(  # journals whose pieces are yet to be deleted: they are many
    "waste",
    metadata,
    Column("job", Integer, primary_key=True),
    Column("jid", String, primary_key=True),
)

measure = Table(  # a step that has ended; a line of history
    "measure",
    metadata,
    Column("job", Integer, primary_key=True),
    Column("jid", String, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("recipe", String, nullable=False),
    Column("params", String, nullable=False),  # all of them, spelled alike
    Column("model", String, nullable=False),  # of the machine, as it was then
    Column("verdict", String, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("at", Float, nullable=False),  # when it ended
    Column("metrics", JSON, nullable=False),
    Index("measure_by_target", "jid", "recipe", "at"),
    Index("measure_by_model", "model", "recipe", "params", "at"),
)

inventory = Table(  # the facts that a step found, of which there is a measure
    "inventory",
    metadata,
    Column("job", Integer, primary_key=True),
    Column("jid", String, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("facts", JSON, nullable=False),
    Index("inventory_by_target", "jid", "job"),
)

target = Table(
    "target",
    metadata,
    Column("jid", String, primary_key=True),
    Column("epoch", String, nullable=False, default=""),
    Column("boot", String, nullable=False, default=""),
    Column("digest", String, nullable=False, default=""),
    Column("recipes", JSON),  # None: it never said
    Column("machine", JSON),  # the facts that are known of it; None: it never said
)

person = Table(
    "person",
    metadata,
    Column("jid", String, primary_key=True),
    Column("columns", Integer, nullable=False),
)


reboot = Table(
    "reboot",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("jid", String, nullable=False, index=True),
    Column("by", String, nullable=False),
    Column("boot", String, nullable=False),  # the boot id before
    Column("ordered", Float, nullable=False),
    Column("deadline", Float, nullable=False),
    Column("agreed", Boolean, nullable=False),
    Column("late", Boolean, nullable=False),  # the room has heard that it is not back
    Column("took", Float),  # seconds; None: it is under way
    sqlite_autoincrement=True,
)

wish = Table(
    "wish",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("asker", String, nullable=False, index=True),  # bare JID
    Column("channel", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("targets", JSON, nullable=False),  # bare JIDs
    Column("job", Integer),
    sqlite_autoincrement=True,
)


def create(db: Connection) -> str | None:
    """
    Make the tables that are missing; VersionError if they would not do.

    Returns the version that the database had; None if it is new.
    """
    meta.create(db, checkfirst=True)
    version = meta.c.key == "version"
    found = db.scalar(select(meta.c.value).where(version))
    if found not in (None, VERSION, *GROWS_FROM):
        raise VersionError(
            f"its tables have version {found}, this labroom's have {VERSION}",
            hint="Run the labroom that made it, or name another database.",
        )
    metadata.create_all(db)
    if found in GROWS_FROM:
        _grow(db)
    db.execute(update(meta).where(version).values(value=VERSION))
    return found


def _grow(db: Connection) -> None:
    """Add the columns and indices that are missing."""
    there, quote = inspect(db), db.dialect.identifier_preparer.quote
    for table in metadata.sorted_tables:
        have = {column["name"] for column in there.get_columns(table.name)}
        for column in table.columns:
            if column.name not in have:
                spec = CreateColumn(column).compile(dialect=db.dialect)
                db.exec_driver_sql(f"ALTER TABLE {quote(table.name)} ADD COLUMN {spec}")
        for index in table.indexes:
            index.create(db, checkfirst=True)
