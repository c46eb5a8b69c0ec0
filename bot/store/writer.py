"""
One thread, one connection, commits in groups.

Everything that reads or writes is a function of a Connection, handed to :meth:`Writer.do`.
What is waiting when a commit ends goes into the next one together, each piece of work in
a savepoint of its own: a flood of chunks costs one sync of the disk, not one each.

Rule: a piece of work never fails, nor is lost, for what another did. If a group cannot be
committed, each of its pieces gets a transaction of its own; so work may be done twice, and
must not count on what it did the first time.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine, NestedTransaction, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

log = structlog.get_logger()

GROUP = 64
"""Most pieces of work in one commit."""

T = TypeVar("T")
Work = Callable[[Connection], Any]
_Item = tuple[Work, "asyncio.Future[Any]"]
_Result = tuple["asyncio.Future[Any]", Any, BaseException | None]


class Writer:
    """The only door to the database."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._thread.start()

    async def do(self, work: Callable[[Connection], T]) -> T:
        """What *work* returns; when this returns, what it wrote is durable."""
        if self._closed:
            raise RuntimeError("the store is closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put((work, future))
        return await future

    async def close(self) -> None:
        """Finish what is waiting, and close the database."""
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        self._engine.dispose()

    def _run(self) -> None:
        while (items := self._take()) is not None:
            try:
                results = self._commit(items)
            except Exception as error:  # noqa: BLE001  (even if nothing works, nobody waits for ever)
                results = [(future, None, error) for _, future in items]
            self._settle(results)

    def _take(self) -> list[_Item] | None:
        """What is waiting, at least one; None at the end."""
        items: list[_Item] = []
        while len(items) < GROUP and (not items or not self._queue.empty()):
            item = self._queue.get()
            if item is None:
                if not items:
                    return None
                self._queue.put(None)
                return items
            items.append(item)
        return items

    def _commit(self, items: list[_Item]) -> list[_Result]:
        """All of *items* in one transaction; if that fails, each alone."""
        try:
            return self._together(items)
        except Exception as error:  # noqa: BLE001  (goes to whoever asked)
            if len(items) > 1:
                log.warning("store.group_failed", pieces=len(items), reason=str(error))
                return [self._commit([item])[0] for item in items]
            log.error(  # noqa: TRY400  (whoever asked gets the error itself)
                "store.commit_failed", reason=str(error),
                cure="look at the disk and the database's URL",
            )  # fmt: skip
            return [(items[0][1], None, error)]

    def _together(self, items: list[_Item]) -> list[_Result]:
        results: list[_Result] = []
        with self._engine.connect() as connection, connection.begin() as transaction:
            if len(items) == 1:  # the common case: it needs no savepoint
                [(work, future)] = items
                try:
                    return [(future, work(connection), None)]
                except Exception as error:  # noqa: BLE001  (goes to whoever asked)
                    transaction.rollback()
                    return [(future, None, error)]
            for work, future in items:
                savepoint = connection.begin_nested()
                try:
                    value = work(connection)
                    savepoint.commit()
                except Exception as error:  # noqa: BLE001  (goes to whoever asked)
                    _roll_back(savepoint, error)
                    results.append((future, None, error))
                else:
                    results.append((future, value, None))
        return results

    def _settle(self, results: list[_Result]) -> None:
        def settle() -> None:
            for future, value, error in results:
                if future.done():
                    continue
                if error is None:
                    future.set_result(value)
                else:
                    future.set_exception(error)

        try:
            self._loop.call_soon_threadsafe(settle)
        except RuntimeError:
            log.warning("store.loop_gone", results=len(results))  # the process is ending


def _roll_back(savepoint: NestedTransaction, error: Exception) -> None:
    """Undo one piece of work; *error* again if SQLite has undone all (as on a full disk)."""
    try:
        savepoint.rollback()
    except SQLAlchemyError:
        raise error from None


def _engine(url: str) -> Engine:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def pragmas(connection: Any, _: object) -> None:
            connection.isolation_level = None  # we say BEGIN ourselves, so that savepoints work
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = FULL")  # committed means on the disk
            cursor.execute("PRAGMA foreign_keys = ON")
            cursor.close()

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
