"""The database for those who only read it: also while the bot runs, and what is of one moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from agent.wire.errors import Refusal
from bot.store import schema


@contextmanager
def reading(database: str) -> Iterator[Connection]:
    """To *database* (an SQLAlchemy URL); a Refusal if it cannot be read."""
    url = make_url(database)
    if url.get_backend_name() == "sqlite" and _absent(url.database or ""):
        raise Refusal(
            f"database: there is no {url.database}",
            hint="The bot makes it when it is started; or correct database in its settings.",
        )
    engine = _reading(database)
    try:
        with engine.connect() as db, db.begin():
            _check(db)
            yield db
    except SQLAlchemyError as error:
        raise Refusal(
            f"database: cannot read it: {str(error).splitlines()[0]}",
            hint="Run it as the bot's account, on the bot's machine.",
        ) from error
    finally:
        engine.dispose()


def _absent(path: str) -> bool:
    """That it is not there; where we may not look, nobody knows."""
    try:
        Path(path).stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _reading(database: str) -> Engine:
    """To *database*, which nothing that we do changes."""
    if make_url(database).get_backend_name() != "sqlite":
        return create_engine(database)
    path = quote(make_url(database).database or "")
    engine = create_engine(f"sqlite:///file:{path}?mode=rw&uri=true")  # mode=rw: never makes one

    @event.listens_for(engine, "connect")
    def never_write(connection: Any, _: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, for all reads together
        cursor = connection.cursor()
        cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _check(db: Connection) -> None:
    version = None
    if inspect(db).has_table("meta"):
        version = db.scalar(select(schema.meta.c.value).where(schema.meta.c.key == "version"))
    if version != schema.VERSION:
        raise Refusal(
            f"database: its tables have version {version}, this labroom's have {schema.VERSION}",
            hint="Run the labroom that made it; or start this bot once, and it grows.",
        )
