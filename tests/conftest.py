"""
What holds for every test: a machine may be slow; every answer is as its schema says; and who may
take long begins first.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from bot.reply import Reply
from tests.answers import check

settings.register_profile(
    "shared machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared machine")


@pytest.fixture(autouse=True, scope="session")
def _every_answer_is_as_the_schema_says() -> Any:
    """Whatever makes a reply in these processes; what others say, Person checks."""
    make = Reply.__init__

    def checked(self: Reply, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        if self.text:  # a reply that nobody will hear is none
            check(json.loads(self.json))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Reply, "__init__", checked)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with a test that may take long (``timeout``) first: all would wait for it else."""
    longest: dict[Path, float] = defaultdict(float)
    for item in items:
        if marker := item.get_closest_marker("timeout"):
            longest[item.path] = max(longest[item.path], float(marker.args[0]))
    items.sort(key=lambda item: -longest[item.path])
