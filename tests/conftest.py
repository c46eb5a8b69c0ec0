"""What holds for every test: a machine may be slow; and every answer is as its schema says."""

import json
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
