"""The Python side of what the Lean package's tests read too: one file of examples for both."""

import json
from pathlib import Path
from typing import Any

import pytest

from llmstep_lsp.adapters.lean import protocol

FILE = Path(__file__).parents[2] / "lean/LLMStepTest/protocol.json"
EXAMPLES = [
    (shape, example) for shape, examples in json.loads(FILE.read_text()).items() for example in examples
]


def without_nulls(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: without_nulls(value) for key, value in found.items() if value is not None}
    return [without_nulls(item) for item in found] if isinstance(found, list | tuple) else found


def test_every_shape_has_examples() -> None:
    assert {shape for shape, _ in EXAMPLES} == {
        *("StateRequest", "StateAnswer", "CheckRequest", "CheckAnswer", "LemmasRequest", "LemmasAnswer"),
        *("GenerateRequest", "GenerateAnswer"),
    }


@pytest.mark.parametrize(("shape", "example"), EXAMPLES)
def test_examples_are_read_and_written_again(shape: str, example: Any) -> None:
    read = protocol.from_json(example, getattr(protocol, shape))
    assert without_nulls(json.loads(json.dumps(protocol.to_json(read)))) == without_nulls(example)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"version": 2, "pos": {"line": 1, "character": 2}}, "version 2 of the protocol; this is 1"),
        ({"pos": {"line": 1, "character": 2}}, "version None of the protocol; this is 1"),
        ({"version": 1, "pos": {"line": 1}}, "not a StateRequest: .*"),
        ({"version": 1, "pos": {"line": 1, "character": 2}, "more": 1}, "not a StateRequest: .*"),
        ([], r"not a StateRequest: \[\]"),
    ],
)
def test_what_is_no_request(found: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        protocol.from_json(found, protocol.StateRequest)
