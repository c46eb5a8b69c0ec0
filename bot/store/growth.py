"""The database as this version has it: its tables, and what is new in them made from the old."""

from sqlalchemy import Connection

from bot.store import measures, schema

_UNMEASURED = ("3", "4", "5", "6")
"""Versions that knew no history: of their runs it has verdicts and times, and no metrics."""


def prepare(db: Connection) -> None:
    """Make what is missing, and fill it; VersionError if the tables would not do."""
    if schema.create(db) in _UNMEASURED:
        measures.fill(db)
