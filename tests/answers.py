"""What docs/schema/answer.json says of every answer: nothing that the bot says may be otherwise."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

SCHEMA = json.loads((Path(__file__).parent.parent / "docs" / "schema" / "answer.json").read_text())
Draft202012Validator.check_schema(SCHEMA)
_VALIDATOR = Draft202012Validator(SCHEMA, format_checker=FormatChecker())


def check(facts: dict[str, Any]) -> None:
    """Fail, with the place, if *facts* are not as the schema says."""
    wrong = [f"{error.json_path}: {error.message[:300]}" for error in _VALIDATOR.iter_errors(facts)]
    assert not wrong, f"{wrong} in {json.dumps(facts)[:2000]}"
