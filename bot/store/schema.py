"""
The tables. Written once at first start; ``meta`` holds their version.

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
    select,
)

from agent.wire.errors import Refusal

VERSION = "4"
"""Another one cannot be read: there is no way from one to the next yet."""


class VersionError(Refusal):
    """A database that another version of labroom has made."""


metadata = MetaData()

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
    Column("ref", String, nullable=False, default=""),  # what whoever asked calls it
    Column("asker", String, nullable=False),
    Column("asker_jid", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("asked", Float, nullable=False),
    Column("by", Float, nullable=False),
    Column("told", Boolean, nullable=False),
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
    Index("run_by_target", "jid", "phase"),
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

target = Table(
    "target",
    metadata,
    Column("jid", String, primary_key=True),
    Column("epoch", String, nullable=False, default=""),
    Column("boot", String, nullable=False, default=""),
    Column("digest", String, nullable=False, default=""),
    Column("recipes", JSON),  # None: it never said
)

person = Table(
    "person",
    metadata,
    Column("jid", String, primary_key=True),
    Column("columns", Integer, nullable=False),
)


def create(db: Connection) -> None:
    """Make the tables that are missing; VersionError if another version made what is there."""
    metadata.create_all(db)
    found = db.scalar(select(meta.c.value).where(meta.c.key == "version"))
    if found not in (None, VERSION):
        raise VersionError(
            f"its tables have version {found}, this labroom's have {VERSION}",
            hint="Run the labroom that made it, or name another database.",
        )
