"""A bot for each test, in virtual time where the test file says ``Loop = VirtualLoop``."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.bot.lab_on_disk import Bot


def pytest_asyncio_loop_factories(item: pytest.Function) -> Mapping[str, Any]:
    return {"loop": getattr(item.module, "Loop", asyncio.SelectorEventLoop)}


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    bot = Bot(tmp_path)
    await bot.start()
    yield bot
    await bot.crash()
