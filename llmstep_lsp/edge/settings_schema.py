"""Owns the JSON Schema of the settings."""

from dataclasses import Field
from typing import Any

from llmstep_lsp.edge.settings import SETTINGS, choices

_TYPES: dict[Any, dict[str, Any]] = {
    str | None: {"type": ["string", "null"]},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    tuple[str, ...]: {"type": "array", "items": {"type": "string"}},
}


def settings_schema() -> dict[str, Any]:
    """What the settings may be, as a schema of JSON Schema, draft 2020-12 (https://json-schema.org)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of llmstep-lsp",
        "type": "object",
        "properties": {key: _property(setting) for key, setting in SETTINGS.items()},
        "additionalProperties": False,
    }


def _property(setting: Field[Any]) -> dict[str, Any]:
    texts = choices(setting)
    kind = {"type": "string", "enum": list(texts)} if texts else _TYPES[setting.type]
    default = list(setting.default) if isinstance(setting.default, tuple) else setting.default
    return {**kind, "default": default, **setting.metadata}
