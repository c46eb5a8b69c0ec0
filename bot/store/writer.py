"""
One thread, one connection, commits in groups.

Everything that reads or writes is a function of a Connection, handed to :meth:`Writer.do`.
What is waiting when a commit ends goes into the next one together, each piece of work in
a savepoint of its own: a flood of chunks costs one sync of the disk, not one each.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine, create_engine, event

log = structlog.get_logger()

GROUP = 64
"""Most pieces of work in one commit."""

T = TypeVar("T")
Work = Callable[[Connection], Any]
_Item = tuple[Work, "asyncio.Future[Any]"]


class Writer:
    """The only door to the database."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def do(self, work: Callable[[Connection], T]) -> T:
        """What *work* returns; when this returns, what it wrote is durable."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put((work, future))
        return await future

    async def close(self) -> None:
        """Finish what is waiting, and close the database."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        self._engine.dispose()

    def _run(self) -> None:
        with self._engine.connect() as connection:
            while (items := self._take()) is not None:
                self._settle(self._commit(connection, items))

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

    def _commit(
        self, connection: Connection, items: list[_Item]
    ) -> list[tuple["asyncio.Future[Any]", Any, BaseException | None]]:
        results: list[tuple[asyncio.Future[Any], Any, BaseException | None]] = []
        try:
            with connection.begin():
                for work, future in items:
                    try:
                        with connection.begin_nested():
                            results.append((future, work(connection), None))
                    except Exception as error:  # noqa: BLE001  (goes to whoever asked)
                        results.append((future, None, error))
        except Exception as error:
            log.exception("store.commit_failed", cure="look at the disk and the database's URL")
            return [(future, None, error) for _, future in items]
        return results

    def _settle(
        self, results: list[tuple["asyncio.Future[Any]", Any, BaseException | None]]
    ) -> None:
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
